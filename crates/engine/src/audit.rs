//! Audit records as statements of the plan that changes the state (R9, ADM-06).
