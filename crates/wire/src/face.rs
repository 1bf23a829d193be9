//! Whose words an answer is in, for whoever answers in the place of an operation.

use bytes::Bytes;
use claviger_engine::error::Error;
use http::{Response, StatusCode};

use crate::{
    aws::error::{self as aws, Exception, Service},
    oauth::error as oauth,
    sentence,
};

/// Whose words an answer is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    /// sso-oidc.
    Oidc,
    /// The portal.
    Portal,
    /// The standard dialect.
    Oauth,
}

impl Face {
    /// The service of AWS's whose words they are.
    const fn service(self) -> Option<Service> {
        match self {
            Self::Oidc => Some(Service::Oidc),
            Self::Portal => Some(Service::Portal),
            Self::Oauth => None,
        }
    }

    /// A refusal or a failure.
    pub fn refuse(self, error: &Error) -> Response<Bytes> {
        match self {
            Self::Oidc => aws::oidc(error),
            Self::Portal => aws::portal(error),
            Self::Oauth => oauth::refuse(error),
        }
    }

    /// A bug of ours, whatever it was (TOK-13).
    pub fn broken(self) -> Response<Bytes> {
        self.service().map_or_else(oauth::broken, aws::broken)
    }

    /// No answer within the deadline (R7).
    pub fn late(self) -> Response<Bytes> {
        self.service().map_or_else(oauth::late, aws::late)
    }

    /// No such path, or not with that method.
    pub fn unknown_operation(self, status: StatusCode) -> Response<Bytes> {
        match self.service() {
            Some(service) => aws::unknown_operation(service, status),
            None => oauth::malformed(status, sentence::UNKNOWN_OPERATION),
        }
    }

    /// 413, 414, 415, 421 and their like, which are about the request's form.
    pub fn malformed(self, status: StatusCode, because: &str) -> Response<Bytes> {
        match self.service() {
            Some(service) => aws::malformed(service, status, because),
            None => oauth::malformed(status, because),
        }
    }

    /// An error that a fault script asked for.
    pub fn scripted(self, exception: Exception) -> Response<Bytes> {
        match self.service() {
            Some(service) => aws::scripted(service, exception),
            None => oauth::scripted(exception.status, exception.code),
        }
    }
}
