//! Generates the messages with prost from the image that STIGMER_IMAGE names, and the list of them.

use std::{env, error::Error, fs, path::Path};

use heck::{ToSnakeCase, ToUpperCamelCase};
use prost::Message;
use prost_types::{DescriptorProto, FileDescriptorProto, FileDescriptorSet};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-env-changed=STIGMER_IMAGE");
    let image = env::var("STIGMER_IMAGE")?;
    println!("cargo::rerun-if-changed={image}");
    let files = FileDescriptorSet::decode(fs::read(image)?.as_slice())?;

    // A call of the macro `messages` in src/main.rs. The well-known types come with prost-types.
    let ours = files.file.iter().filter(|file| file.name().starts_with("ai/stigmer/"));
    let paths: Vec<String> = ours.flat_map(paths_in).collect();
    let list = format!("messages! {{\n{}}}\n", paths.concat());
    fs::write(Path::new(&env::var("OUT_DIR")?).join("messages.rs"), list)?;

    prost_build::Config::new()
        // The order of a HashMap changes from run to run.
        .btree_map(["."])
        .enable_type_names()
        .include_file("generated.rs")
        .compile_fds(files)?;
    Ok(())
}

/// The Rust path of each message of a file, with a comma.
fn paths_in(file: &FileDescriptorProto) -> Vec<String> {
    let module: Vec<String> = file.package().split('.').map(ToSnakeCase::to_snake_case).collect();
    let path = |message: &DescriptorProto| {
        let nested = &message.nested_type;
        assert!(
            nested.iter().all(|it| it.options.as_ref().is_some_and(|options| options.map_entry())),
            "{} has nested messages, which this list leaves out; add them here",
            message.name(),
        );
        format!("    {}::{},\n", module.join("::"), message.name().to_upper_camel_case())
    };
    file.message_type.iter().map(path).collect()
}
