//! The floor: what starting a static Rust program costs, before it does anything. `bench/run` builds it as
//! `packaging/install` builds the helpers.

fn main() {
    println!("hello");
}
