"""`python -m tests.mutation`; see `run`, which processes started from here import."""

import sys

from tests.mutation.run import main

sys.exit(main())
