//! How the helpers get onto a machine and off it again: the install script, the packages, and the scripts of a release.

#![cfg(unix)]

mod install;
mod install_options;
mod packages;
mod place;
mod release;
mod scripts;
mod uninstall;
mod workflows;
