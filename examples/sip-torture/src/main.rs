//! `sip-torture DIR…`: what a plain user agent makes of each file, taken as one UDP datagram.
//!
//! Prints `name<TAB>accept|reject<TAB>status<TAB>reason` for each file of the folders and their subfolders, in the order of
//! their names; `.dat` is left out of the name. Ends with 2 if a folder or file cannot be read.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let folders: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let mut out = io::stdout().lock();
    let result = if folders.is_empty() {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "usage: sip-torture DIR…"))
    } else {
        folders.iter().try_for_each(|folder| report(folder, &mut out))
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads us has read enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "sip-torture: {error}");
            ExitCode::from(2)
        }
    }
}

fn report(path: &Path, out: &mut impl Write) -> io::Result<()> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    if path.is_dir() {
        let entries = std::fs::read_dir(path).map_err(named)?;
        let mut paths = entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<io::Result<Vec<_>>>()
            .map_err(named)?;
        paths.sort();
        return paths.iter().try_for_each(|path| report(path, out));
    }
    let datagram = std::fs::read(path).map_err(named)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(".dat").unwrap_or(&name);
    writeln!(out, "{name}\t{}", sip_torture::judge(&datagram))
}
