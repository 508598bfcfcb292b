//! Logins on their way into this store, for `import` and `configure`: the files and helpers that they come from, the
//! plan, and the report.

mod collect;
mod files;
mod helper;
mod plan;
mod report;
mod source;
mod verified;

pub(super) use self::files::FileImport;
pub(super) use self::helper::copy_from;
pub(super) use self::report::Report;
pub(super) use self::source::{Client, Source, regctl_advice};
pub(super) use self::verified::{StoreOptions, StoreOutcome, store_verified};

/// What the options say.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ImportOptions {
    /// Copy, and change no file.
    pub(super) keep: bool,
    /// Make the files' clients ask this helper.
    pub(super) configure: bool,
    /// A dry run changes no file either.
    pub(super) store: StoreOptions,
}
