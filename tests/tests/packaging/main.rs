//! Installs and removes the helpers: the install script, the packages, and the scripts of a release.

#![cfg(target_os = "linux")]

mod install;
mod install_options;
mod packages;
mod place;
mod publish;
mod release;
mod repeatable;
mod reproduce;
mod scripts;
mod suite;
mod tree;
mod uninstall;
mod workflows;
