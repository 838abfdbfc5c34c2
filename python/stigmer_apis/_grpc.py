"""The `grpc` module for the generated stubs, or an error that states how to install it."""

from __future__ import annotations

try:
    import grpc as grpc
except ModuleNotFoundError as error:
    if error.name != "grpc":
        raise
    raise ModuleNotFoundError(
        'gRPC stubs and servicers need grpcio: pip install "stigmer-apis[grpc]"', name="grpc"
    ) from None
