//! The contract explains itself: whoever writes a plugin in another language has
//! nothing else.

use std::path::Path;

use wit_parser::{Docs, Interface, Resolve, Type, TypeDefKind};

/// In the order of their dependencies.
const PACKAGES: [&str; 5] = ["types", "host", "harness", "device", "policy"];

#[test]
fn every_item_of_the_contract_is_documented() {
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
    let mut resolve = Resolve::default();
    let packages = PACKAGES.map(|name| {
        let (package, _) = resolve.push_dir(wit.join(name)).unwrap();
        package
    });
    let mut items = Vec::new();
    for package in packages {
        let package = &resolve.packages[package];
        items.push((package.name.to_string(), &package.docs));
        for (name, id) in &package.worlds {
            items.push((format!("world {name}"), &resolve.worlds[*id].docs));
        }
        for (name, id) in &package.interfaces {
            let interface = &resolve.interfaces[*id];
            items.push((format!("interface {name}"), &interface.docs));
            of_interface(&resolve, name, interface, &mut items);
        }
    }
    // Also a test of the test: the contract has more than a handful.
    assert!(items.len() > 100, "only {} items were found", items.len());
    let silent = items.iter().filter(|(_, docs)| !says_something(docs));
    let silent: Vec<&str> = silent.map(|(name, _)| name.as_str()).collect();
    assert!(silent.is_empty(), "without a comment in wit/: {silent:#?}");
}

fn of_interface<'a>(
    resolve: &'a Resolve,
    interface: &str,
    of: &'a Interface,
    items: &mut Vec<(String, &'a Docs)>,
) {
    for (name, function) in &of.functions {
        items.push((format!("{interface}: {name}"), &function.docs));
    }
    for (name, id) in &of.types {
        let def = &resolve.types[*id];
        let name = format!("{interface}.{name}");
        let mut part = |part: &str, docs| items.push((format!("{name}.{part}"), docs));
        match &def.kind {
            // `use`: documented where it comes from.
            TypeDefKind::Type(Type::Id(_)) => continue,
            TypeDefKind::Record(record) => record
                .fields
                .iter()
                .for_each(|field| part(&field.name, &field.docs)),
            TypeDefKind::Variant(variant) => variant
                .cases
                .iter()
                .for_each(|case| part(&case.name, &case.docs)),
            TypeDefKind::Enum(cases) => cases
                .cases
                .iter()
                .for_each(|case| part(&case.name, &case.docs)),
            TypeDefKind::Flags(flags) => flags
                .flags
                .iter()
                .for_each(|flag| part(&flag.name, &flag.docs)),
            _ => {}
        }
        items.push((name, &def.docs));
    }
}

fn says_something(docs: &Docs) -> bool {
    docs.contents
        .as_deref()
        .is_some_and(|text| !text.trim().is_empty())
}
