//! The dialect of AWS IAM Identity Center: camelCase JSON, `x-amzn-ErrorType`.

pub mod error;
pub mod oidc;
pub mod portal;
