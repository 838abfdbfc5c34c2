//! The peer program of prost; ../../peers.py says what it does.

use std::{env, error::Error, fs, path::Path, process::ExitCode};

use prost::{Message, Name};

mod own;

/// What prost has generated: a module for each part of a package name.
#[allow(clippy::all, dead_code)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/generated.rs"));
}

type RoundTrip = fn(&[u8]) -> Result<Vec<u8>, prost::DecodeError>;

fn round_trip<M: Message + Default>(bytes: &[u8]) -> Result<Vec<u8>, prost::DecodeError> {
    Ok(M::decode(bytes)?.encode_to_vec())
}

/// Finds a generated message by its full name.
macro_rules! messages {
    ($($path:path,)*) => {
        fn round_trip_of(full_name: &str) -> Option<RoundTrip> {
            use generated::ai;
            $(if <$path>::full_name() == full_name {
                return Some(round_trip::<$path>);
            })*
            None
        }
    };
}
include!(concat!(env!("OUT_DIR"), "/messages.rs"));

fn main() -> ExitCode {
    match run(&env::args().skip(1).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let [input, output] = arguments else {
        return Err("give two folders, for input and for output".into());
    };
    let (input, output) = (Path::new(input), Path::new(output));
    for line in fs::read_to_string(input.join("manifest.txt"))?.lines() {
        let (full_name, stem) = line.split_once('\t').ok_or_else(|| {
            format!("manifest.txt: a line is \"<full message name><tab><stem>\", not {line}")
        })?;
        let round_trip = round_trip_of(full_name)
            .ok_or_else(|| format!("{stem}: prost has generated no message {full_name}"))?;
        let file = format!("{stem}.binpb");
        let bytes = round_trip(&fs::read(input.join(&file))?)
            .map_err(|error| format!("{stem}, a {full_name}: {error}"))?;
        fs::write(output.join(&file), bytes)?;
    }
    for (full_name, bytes) in own::messages() {
        fs::write(output.join(format!("own.{full_name}.binpb")), bytes)?;
    }
    Ok(())
}
