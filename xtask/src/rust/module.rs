//! The modules of one crate, in the order of their declaration, and the arrows between them.

use std::fs;
use std::path::{Path as File, PathBuf};

use anyhow::Context as _;

use super::path::{Path, paths};
use super::text;
use super::token::{Token, closing, text as word, tokens};

/// One module of a crate.
#[derive(Debug)]
pub(crate) struct Module {
    /// From the root: `["grant", "pipeline"]`; the root itself is empty.
    pub(crate) path: Vec<String>,
    pub(crate) file: PathBuf,
    /// The modules it declares, in order.
    pub(crate) children: Vec<String>,
    /// The paths into this crate that its code names, tests apart.
    pub(crate) uses: Vec<Path>,
}

/// Reads the crate whose root file is `root`. Modules for tests only are left out.
pub(crate) fn read(root: &File) -> anyhow::Result<Vec<Module>> {
    let mut modules = Vec::new();
    let directory = root.parent().unwrap_or(root).to_owned();
    load(
        Place {
            path: Vec::new(),
            file: root.to_owned(),
            directory,
        },
        &mut modules,
    )?;
    Ok(modules)
}

/// Where a module is: its path, its file, and the directory of its children.
struct Place {
    path: Vec<String>,
    file: PathBuf,
    directory: PathBuf,
}

fn load(place: Place, modules: &mut Vec<Module>) -> anyhow::Result<()> {
    let source = fs::read_to_string(&place.file)
        .with_context(|| format!("cannot read {}", place.file.display()))?;
    let tokens = tokens(&text::split(&source).code);
    walk(place, &tokens, modules)
}

fn walk(place: Place, tokens: &[Token], modules: &mut Vec<Module>) -> anyhow::Result<()> {
    let mut children = Vec::new();
    let mut uses = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        if !token.is_test {
            uses.extend(paths(tokens, at, &place.path));
        }
        let name = word(tokens, at + 1);
        match (token.text.as_str(), word(tokens, at + 2)) {
            ("mod", ";" | "{") if token.is_test => {}
            ("mod", ";") => {
                children.push(name.to_owned());
                if let Some(child) = child_file(&place, name) {
                    load(child, modules)?;
                }
            }
            ("mod", "{") => {
                children.push(name.to_owned());
                let end = closing(tokens, at + 2);
                let inside = tokens.get(at + 3..end).unwrap_or_default();
                let inner = Place {
                    file: place.file.clone(),
                    ..child(&place, name)
                };
                walk(inner, inside, modules)?;
                at = end;
            }
            _ => {}
        }
        at += 1;
    }
    modules.push(Module {
        path: place.path,
        file: place.file,
        children,
        uses,
    });
    Ok(())
}

fn child(place: &Place, name: &str) -> Place {
    let mut path = place.path.clone();
    path.push(name.to_owned());
    Place {
        path,
        file: PathBuf::new(),
        directory: place.directory.join(name),
    }
}

/// Where `mod name;` lies; nothing when there is no such file, which the compiler tells better.
fn child_file(place: &Place, name: &str) -> Option<Place> {
    let child = child(place, name);
    let candidates = [
        child.directory.with_extension("rs"),
        child.directory.join("mod.rs"),
    ];
    let file = candidates.into_iter().find(|file| file.is_file())?;
    Some(Place { file, ..child })
}
