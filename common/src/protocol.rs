//! The conversation with a client: a verb in argv, one request on stdin, one reply on stdout.

mod reply;
mod request;
mod verbs;

pub(crate) use self::verbs::{Answer, Verb, answer};

/// Entry points for the fuzzers; other builds don't contain them.
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing {
    pub fn credential(input: &[u8]) -> Result<crate::Credential, crate::Error> {
        super::request::credential(input)
    }

    pub fn server(input: &[u8]) -> Result<crate::ServerUrl, crate::Error> {
        super::request::server(input)
    }

    pub fn reply(query: &crate::ServerUrl, credential: &crate::Credential) -> Vec<u8> {
        super::reply::credential(query, credential)
            .expect("strings are JSON")
            .to_vec()
    }
}
