//! A shared store: its list of recipients, and their approval by its user.

pub(crate) mod approval;
pub(crate) mod date;
pub(crate) mod recipients_file;
pub(crate) mod work_tree;
