//! Generates the messages with prost from the image that STIGMER_IMAGE names, and the list of them.

use std::{env, error::Error, fmt::Write, fs, path::PathBuf};

use heck::{ToSnakeCase, ToUpperCamelCase};
use prost::Message;
use prost_types::FileDescriptorSet;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-env-changed=STIGMER_IMAGE");
    let image = env::var("STIGMER_IMAGE")?;
    println!("cargo::rerun-if-changed={image}");
    let files = FileDescriptorSet::decode(fs::read(image)?.as_slice())?;

    let list = messages(&files)?;
    prost_build::Config::new()
        // The order of a HashMap changes from run to run.
        .btree_map(["."])
        .enable_type_names()
        .include_file("generated.rs")
        .compile_fds(files)?;
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("messages.rs"), list)?;
    Ok(())
}

/// A call of the macro `messages` in src/main.rs with the Rust path of each generated message.
fn messages(files: &FileDescriptorSet) -> Result<String, Box<dyn Error>> {
    let mut list = String::from("messages! {\n");
    // The well-known types come with prost-types.
    for file in files.file.iter().filter(|file| file.name().starts_with("ai/stigmer/")) {
        let package: Vec<_> = file.package().split('.').map(|name| name.to_snake_case()).collect();
        for message in &file.message_type {
            if let Some(nested) = message.nested_type.iter().find(|it| !it.options.clone().unwrap_or_default().map_entry()) {
                return Err(format!("{}.{} is nested, which this list does not know", message.name(), nested.name()).into());
            }
            writeln!(list, "    {}::{},", package.join("::"), message.name().to_upper_camel_case())?;
        }
    }
    list.push_str("}\n");
    Ok(list)
}
