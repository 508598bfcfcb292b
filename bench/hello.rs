//! The lower limit: the cost of starting a static Rust program. `bench/run` builds it as `packaging/install`
//! builds the helpers.

fn main() {
    println!("hello");
}
