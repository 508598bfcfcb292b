//! The conversation with a client: a verb in argv, one request on stdin, one reply on stdout.

mod reply;
mod request;
mod serve;

pub(crate) use self::request::fold_case;
pub use self::serve::{Helper, serve};
