// protoc-gen-pbjs would write the types of every message again beside its reflection module.
declare module "*/reflection.js" {
  import type { Root } from "protobufjs";

  const root: Root;
  export default root;
}
