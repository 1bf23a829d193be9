//! What `cargo metadata` says: packages, who depends on whom, targets.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::Context as _;
use serde_json::Value;

use crate::process;

/// The packages that the build really resolves, and where it puts its results.
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    pub(crate) target_directory: PathBuf,
}

/// One package in one version.
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) licence: Option<String>,
    pub(crate) is_ours: bool,
    /// Whether it is built into the binary, or builds it; others are only tested with.
    pub(crate) is_of_product: bool,
    /// Names of the packages that the resolved graph lets this one use, tests included.
    pub(crate) uses: Vec<String>,
    /// Names of the dependencies that the manifest declares outside `[dev-dependencies]`.
    pub(crate) declares: Vec<String>,
    /// Root files of its library and programs, tests and examples apart.
    pub(crate) roots: Vec<PathBuf>,
}

/// Asks cargo, without the network changing anything: the lock file decides.
pub(crate) fn load() -> anyhow::Result<Metadata> {
    let arguments = ["metadata", "--format-version", "1", "--locked"];
    parse(&process::output(&mut process::command(
        "cargo", &arguments,
    ))?)
}

fn parse(text: &str) -> anyhow::Result<Metadata> {
    let json: Value = serde_json::from_str(text).context("cargo metadata: no JSON")?;
    let members: Vec<&str> = strings(&json["workspace_members"]);
    let names: BTreeMap<&str, &str> = list(&json["packages"])
        .filter_map(|package| Some((package["id"].as_str()?, package["name"].as_str()?)))
        .collect();
    let uses: BTreeMap<&str, Vec<String>> = list(&json["resolve"]["nodes"])
        .filter_map(|node| {
            let used = list(&node["deps"]).filter_map(|dep| names.get(dep["pkg"].as_str()?));
            Some((
                node["id"].as_str()?,
                used.map(ToString::to_string).collect(),
            ))
        })
        .collect();
    let product = product(&json, &names);
    let packages = list(&json["packages"])
        .filter_map(|package| {
            let id = package["id"].as_str()?;
            let read = read(package, members.contains(&id), uses.get(id)?.clone());
            let is_of_product = product.contains(id);
            Some(Package {
                is_of_product,
                ..read
            })
        })
        .collect();
    let target_directory = json["target_directory"]
        .as_str()
        .context("no target directory")?;
    Ok(Metadata {
        packages,
        target_directory: PathBuf::from(target_directory),
    })
}

/// The ids of what the binary is built of and by.
fn product<'a>(json: &'a Value, names: &BTreeMap<&'a str, &'a str>) -> BTreeSet<&'a str> {
    let nodes: BTreeMap<&str, &Value> = list(&json["resolve"]["nodes"])
        .filter_map(|node| Some((node["id"].as_str()?, node)))
        .collect();
    let is_binary = |id: &&str| names.get(id) == Some(&"claviger");
    let mut open: Vec<&str> = nodes.keys().copied().filter(is_binary).collect();
    let mut found = BTreeSet::new();
    while let Some(id) = open.pop() {
        if !found.insert(id) {
            continue;
        }
        let needed = list(&nodes[id]["deps"])
            .filter(|dep| list(&dep["dep_kinds"]).any(|kind| kind["kind"] != "dev"))
            .filter_map(|dep| dep["pkg"].as_str());
        open.extend(needed);
    }
    found
}

fn read(package: &Value, is_ours: bool, uses: Vec<String>) -> Package {
    let word = |key: &str| package[key].as_str().map(str::to_owned);
    let declares = list(&package["dependencies"])
        .filter(|dependency| dependency["kind"].as_str() != Some("dev"))
        .filter_map(|dependency| dependency["name"].as_str().map(str::to_owned))
        .collect();
    let roots = list(&package["targets"])
        .filter(|target| {
            strings(&target["kind"])
                .iter()
                .any(|kind| matches!(*kind, "lib" | "bin"))
        })
        .filter_map(|target| target["src_path"].as_str().map(PathBuf::from))
        .collect();
    Package {
        name: word("name").unwrap_or_default(),
        version: word("version").unwrap_or_default(),
        licence: word("license"),
        is_ours,
        is_of_product: false,
        uses,
        declares,
        roots,
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn strings(value: &Value) -> Vec<&str> {
    list(value).filter_map(Value::as_str).collect()
}
