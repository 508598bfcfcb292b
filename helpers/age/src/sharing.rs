//! A store that several people share: the list of them, and their approval by its user.

pub(crate) mod approval;
pub(crate) mod date;
pub(crate) mod recipients_file;
pub(crate) mod work_tree;
