"""Alice approves the user code that is given."""

import sys

from instance import Person

Person().approve(sys.argv[1])
