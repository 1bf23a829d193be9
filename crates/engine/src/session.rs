//! Sessions: how one begins, how it is found again, how it ends.
