"""Messages without their secrets, for logs and everything else that must not show them.

The message classes of this package print masked by themselves: `str()`, `repr()`, f-strings and
everything that uses them show no secret. This module is for the rest:

- `install_logging()`: messages of other schemas, log records, and what the Temporal SDK logs, for
  the whole process;
- `to_text`, `to_dict`, `to_json` and `redacted_copy`: one message of any schema, in other forms;
- `Redacted`: a view of one message of any schema that prints masked;
- `fingerprint`: a name for a task token in log lines of your own.

They mask at any depth, in repeated fields, maps, oneofs, extensions and `google.protobuf.Any`:

- **Fields marked `debug_redact`**, or annotated with an enum value that is, and bytes fields named
  `task_token`. Text becomes `[REDACTED]`, in a bytes field as ASCII; a task token becomes
  `[REDACTED sha256:1f0c...]` with its `fingerprint`. Messages lose their content; a map becomes one
  masked entry; numbers, enums and bools have no room for a mask and become zero, or the enum's
  first value. A field that was set still shows as set, except numbers, enums and bools without
  presence.
- **Values that say so themselves**: the `value` of a message whose `is_secret` is true
  (`EnvironmentValue`, `ExecutionValue`); all its other fields if it has no `value`.
- **What cannot be read**: fields that this process does not know, such as a newer peer's, are left
  out; an Any of unknown type or with malformed content shows only its type and size.

docs/secrets.md says what is not masked, and why.
"""

from stigmer_apis.redaction._json import to_dict as to_dict
from stigmer_apis.redaction._json import to_json as to_json
from stigmer_apis.redaction._logging import RedactingFilter as RedactingFilter
from stigmer_apis.redaction._logging import install_logging as install_logging
from stigmer_apis.redaction._masking import Redacted as Redacted
from stigmer_apis.redaction._masking import fingerprint as fingerprint
from stigmer_apis.redaction._masking import redacted_copy as redacted_copy
from stigmer_apis.redaction._masking import to_text as to_text

__all__ = [
    "Redacted",
    "RedactingFilter",
    "fingerprint",
    "install_logging",
    "redacted_copy",
    "to_dict",
    "to_json",
    "to_text",
]
