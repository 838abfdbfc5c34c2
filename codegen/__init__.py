"""The generator of the generated part of `python/stigmer_apis/` from `apis/`. Not shipped.

`python -m codegen` runs these steps, each in its own module:

1. `image`: build the descriptor image and drop the import of the validation rules.
2. `names`: refuse names that Python cannot import, or that a hand-written module has.
3. `buf generate` (`buf.gen.yaml`): generate messages, type stubs and gRPC stubs from that image.
   `plugin` runs the generators and escapes the comments that go into stubs.
4. `relocate`: move the modules from the proto path to the Python package, make the classes that
   `safe_classes` finds print without their secrets, give classes their `docstrings`, and compile
   the modules.
5. `exports`: write the `__init__` of every proto package.
6. `place`: replace the old files with the new ones, completely or not at all.

Every step but the last works in `build/`, and one run at a time (`lock`).

The steps run in the code generator's own environment, which `make deps` creates from
`requirements/codegen.txt`.
"""
