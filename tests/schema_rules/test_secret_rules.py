"""The rule on secrets, on small schemas that announce their findings."""

from __future__ import annotations

import pytest

from schema_rules.finding import Finding
from tests.schema_rules.small_schemas import SmallSchemas, assert_announced, marks

SCHEMAS = {
    "names_that_suggest_a_secret": """\
message Login {
  string password = 1; // SECRET_STATED: by its name
  string db_passwd = 2; // SECRET_STATED: by its name
  string passphrase = 3; // SECRET_STATED: by its name
  string client_secret = 4; // SECRET_STATED: by its name
  string secrets = 5; // SECRET_STATED: by its name
  string access_token = 6; // SECRET_STATED: by its name
  string refreshToken = 7; // SECRET_STATED: by its name
  string apikey = 8; // SECRET_STATED: by its name
  string api_key = 9; // SECRET_STATED: by its name
  string API_KEYS = 10; // SECRET_STATED: by its name
  string private_key = 11; // SECRET_STATED: by its name
  string credentials = 12; // SECRET_STATED: by its name
  string bearer = 13; // SECRET_STATED: by its name
  string session_cookie = 14; // SECRET_STATED: by its name
  string signature = 15; // SECRET_STATED: by its name
  string webhook_url = 16; // SECRET_STATED: by its name
  string slackWebhook = 17; // SECRET_STATED: by its name
  string signing_key = 18; // SECRET_STATED: by its name
  string hmac_key = 19; // SECRET_STATED: by its name
  string key_hash = 20; // SECRET_STATED: by its name
  string pwd = 21; // SECRET_STATED: by its name
  string otp = 22; // SECRET_STATED: by its name
  string authorization = 23; // SECRET_STATED: by its name
  string auth_header = 24; // SECRET_STATED: by its name
  string recovery_code = 25; // SECRET_STATED: by its name
}
""",
    "names_in_the_plural_and_in_runs": """\
message Login {
  string cookies = 1; // SECRET_STATED
  repeated string signatures = 2; // SECRET_STATED
  string connectionString = 3; // SECRET_STATED
  string dbpasswd = 4; // SECRET_STATED
}
""",
    "other_names_of_what_opens_something": """\
message Login {
  string pat = 1; // SECRET_STATED
  string kubeconfig = 2; // SECRET_STATED
  string seed_phrase = 3; // SECRET_STATED
  string key_pair = 4; // SECRET_STATED
  string presigned_url = 5; // SECRET_STATED
  string magic_link = 6; // SECRET_STATED
  string ca_pem = 7; // SECRET_STATED
  string git_oauth = 8; // SECRET_STATED
  string tokenizer = 9;
  string pattern = 10;
  string resident = 11;
}
""",
    "what_comments_say_of_text_that_opens_something": """message Login {
  // The line that the user signs in with.
  string line = 1; // SECRET_STATED: by its comment
  // A URL. Whoever has it can read the file.
  string location = 2; // SECRET_STATED: by its comment
  // The content of the file. Never log it.
  string content = 3; // SECRET_STATED: by its comment
  // The salt of the password.
  string grain = 4; // SECRET_STATED: by its comment
  // Settings by name, such as the password of the database.
  map<string, string> settings = 5; // SECRET_STATED: holds entries
  // Whether names are case-sensitive, never the password.
  string mode = 6;
  // The number of failed attempts, not the credentials.
  string attempts = 7;
  // Settings by name, without passwords.
  map<string, string> shown = 8;
}
""",
    "names_that_do_not": """\
message Login {
  // The key to sort by.
  string key = 1;
  string idempotency_key = 2;
  string monkey = 3;
  string page_token = 4;
  string next_page_token = 5;
  int64 max_tokens = 6;
  int32 token_count = 7;
  string passenger = 8;
  string author = 9;
  string pinned = 10;
  map<string, string> labels = 11;
}
message ApiKeyId {
  string value = 1;
}
""",
    "a_secret_that_is_stated": """\
message Login {
  string password = 1 [debug_redact = true];
  string secretary = 2 [debug_redact = false];
  bool has_token = 3 [debug_redact = false];
}
""",
    "secrets_of_any_type": """\
message Login {
  bytes secret = 1; // SECRET_STATED
  bool is_secret = 2; // SECRET_STATED
  repeated string tokens = 3; // SECRET_STATED
  map<string, string> secrets = 4; // SECRET_STATED
  google.protobuf.Any credential = 5; // SECRET_STATED
  google.protobuf.StringValue bearer = 6; // SECRET_STATED
  Kind token_kind = 7; // SECRET_STATED
  int32 otp = 8; // SECRET_STATED
  google.protobuf.Timestamp token_expiry = 9; // SECRET_STATED
  enum Kind {
    KIND_UNSPECIFIED = 0;
  }
}
""",
    "a_secret_by_its_name_in_json": """\
message Login {
  string opaque = 1 [json_name = "apiKey"]; // SECRET_STATED
}
""",
    "a_secret_by_its_oneof": """\
message Login {
  oneof credential {
    string first = 1; // SECRET_STATED
    string second = 2 [debug_redact = true];
  }
}
""",
    "a_secret_by_its_message": """\
message Password {
  string value = 1; // SECRET_STATED
}
message ApiKeyHash {
  bytes data = 1; // SECRET_STATED
}
message ClientSecret { // SECRET_STATED: none of its fields
  string characters = 1;
}
message DatabaseCredential {
  string login = 1;
  string phrase = 2 [debug_redact = true];
}
message GetPasswordRequest {
  string login = 1;
}
message ApiKeys {
  repeated ApiKeyHash entries = 1;
}
""",
    "what_stands_beside_a_marker": """\
message Variable {
  string value = 1; // SECRET_STATED: next to a field that marks secrets
  bool sensitive = 2;
  string description = 3;
}
message Setting {
  string content = 1 [debug_redact = false];
  bool secret = 2 [debug_redact = false];
}
""",
    "entries_among_which_callers_put_secrets": """\
message Call {
  map<string, string> headers = 1; // SECRET_STATED: entries
  map<string, bytes> env_placeholders = 2; // SECRET_STATED: entries
  google.protobuf.Struct query_params = 3 // SECRET_STATED: entries
    [(buf.validate.field).ignore = IGNORE_ALWAYS];
  map<string, int32> header_sizes = 4;
  string header = 5;
  map<string, Login> env = 6;
}
message Login {}
""",
    "a_secret_by_its_comment": """\
message Login {
  // The password of the account.
  string opener = 1; // SECRET_STATED: comment
  // API key, given once.
  string once = 2; // SECRET_STATED: comment
  // The number of tokens that a turn may take.
  string budget = 3;
  // The name of the secret. Not the secret itself.
  string called = 4;
}
""",
    "a_secret_in_an_option": """\
import "google/protobuf/descriptor.proto";
extend google.protobuf.FieldOptions {
  string password = 95301; // SECRET_STATED
}
message Holder {
  extend google.protobuf.FieldOptions {
    string secret = 95302; // SECRET_STATED
  }
}
""",
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_small_schema_has_the_findings_that_it_announces(
    small: SmallSchemas, small_findings: list[Finding], name: str
) -> None:
    assert_announced(small.made_in(name, small_findings), marks(SCHEMAS[name]))
