"""Turns the contract in `apis/` into the generated part of `python/stigmer_apis/`. Not shipped.

`python -m codegen` runs the steps, each in a module of its own:

1. `image`: build the descriptor image and drop the import of the validation rules.
2. `buf generate` (`buf.gen.yaml`): messages, type stubs and gRPC stubs, all from that one image.
   The gRPC generator has no executable of its own; `grpc_plugin` is one.
3. `relocate`: move the modules from the proto path to the Python package.
4. `exports`: give every proto package its `__init__`.
5. `place`: put the finished tree where the old one was, whole or not at all.

It runs on the code generator's own environment, which `make deps` makes from
`requirements/codegen.txt`.
"""
