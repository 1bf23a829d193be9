//! How the process ends: the codes of `sysexits.h` that supervisors and scripts can act on.

/// A failure with the code that the process is to end with.
#[derive(Debug)]
pub(crate) struct Exit {
    pub(crate) code: u8,
    pub(crate) error: anyhow::Error,
}

/// The input is damaged: a corrupt store. Do not restart blindly.
pub(crate) const DATA: u8 = 65;
/// The server that was named does not answer.
pub(crate) const UNAVAILABLE: u8 = 69;
/// Try again later: the disk failed, the store is in use.
pub(crate) const TEMPORARY: u8 = 75;
/// The configuration is wrong or something must be set up first.
pub(crate) const CONFIGURATION: u8 = 78;

/// Attaches an exit code to an error.
pub(crate) trait ExitCode<T> {
    fn exit(self, code: u8) -> Result<T, Exit>;
}

impl<T, E: Into<anyhow::Error>> ExitCode<T> for Result<T, E> {
    fn exit(self, code: u8) -> Result<T, Exit> {
        self.map_err(|error| Exit {
            code,
            error: error.into(),
        })
    }
}

/// Anything without a code of its own ends the process with 1.
impl From<anyhow::Error> for Exit {
    fn from(error: anyhow::Error) -> Self {
        Self { code: 1, error }
    }
}

impl From<std::io::Error> for Exit {
    fn from(error: std::io::Error) -> Self {
        anyhow::Error::new(error).into()
    }
}
