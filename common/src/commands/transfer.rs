//! Moves logins into this store, for `import` and `configure`: the sources, the plan, and the report.

mod collect;
mod files;
mod helper;
mod plan;
mod podman;
mod report;
mod source;
mod verified;

pub(super) use self::files::FileImport;
pub(super) use self::helper::copy_from;
pub(super) use self::report::Report;
pub(super) use self::source::{Client, Source, regctl_advice};
pub(super) use self::verified::{StoreOptions, StoreOutcome, store_verified};

/// The choices by options.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ImportOptions {
    /// Copy without changing files.
    pub(super) keep: bool,
    /// Make the files' clients use this helper.
    pub(super) configure: bool,
    /// A dry run doesn't change files either.
    pub(super) store: StoreOptions,
}
