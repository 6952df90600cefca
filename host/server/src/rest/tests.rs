use serde_json::Value;

use super::*;

fn document() -> Value {
    serde_json::from_slice(&openapi::document(&described(true))).unwrap()
}

#[test]
fn every_operation_is_described_once() {
    let operations = described(true);
    let described = document();
    let mut seen = std::collections::HashSet::new();
    for operation in &operations {
        let found = &described["paths"][operation.path][operation.method];
        assert!(found["summary"].is_string(), "{}", operation.path);
        let open = found.get("security").is_some();
        assert_eq!(open, operation.scope.is_none(), "{}", operation.path);
        assert!(
            seen.insert((operation.method, operation.path)),
            "{} twice",
            operation.path
        );
    }
    let paths = described["paths"].as_object().unwrap().values();
    let count: usize = paths.map(|path| path.as_object().unwrap().len()).sum();
    assert_eq!(count, operations.len());
}

#[test]
fn every_reference_leads_to_a_schema() {
    fn check(value: &Value, whole: &Value) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    let pointer = reference.strip_prefix('#').unwrap();
                    assert!(whole.pointer(pointer).is_some(), "{reference}");
                }
                members.values().for_each(|value| check(value, whole));
            }
            Value::Array(values) => values.iter().for_each(|value| check(value, whole)),
            _ => {}
        }
    }
    let described = document();
    check(&described, &described);
    let schemas = described["components"]["schemas"].as_object().unwrap();
    for name in ["Device", "Granted", "Command", "Failure", "Busy"] {
        assert!(schemas.contains_key(name), "{name}");
    }
}

#[test]
fn no_secret_stands_in_an_address() {
    for operation in described(true) {
        assert!(!operation.path.contains("{lease"), "{}", operation.path);
    }
}
