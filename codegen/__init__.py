"""The generator of the generated part of `python/stigmer_apis/` from `apis/`. Not shipped.

`python -m codegen` runs these steps, each in its own module:

1. `image`: build the descriptor image and drop the import of the validation rules.
2. `buf generate` (`buf.gen.yaml`): generate messages, type stubs and gRPC stubs from that image.
   The gRPC generator has no executable; `grpc_plugin` provides one.
3. `relocate`: move the modules from the proto path to the Python package.
4. `exports`: write the `__init__` of every proto package.
5. `place`: replace the old tree with the new one, completely or not at all.

The steps run in the code generator's own environment, which `make deps` creates from
`requirements/codegen.txt`.
"""
