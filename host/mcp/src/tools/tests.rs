use super::*;

#[test]
fn every_tool_is_named_alike_and_says_what_it_takes() {
    let tools = list();
    assert_eq!(tools.len(), 15, "device tools");
    for tool in &tools {
        assert!(tool.name.starts_with("device_"), "{}", tool.name);
        let description = tool.description.as_deref().unwrap();
        assert!((40..400).contains(&description.len()), "{description}");
        let schema = Value::Object((*tool.input_schema).clone());
        assert_eq!(schema["type"], "object", "{}", tool.name);
        assert_eq!(schema["additionalProperties"], false, "{}", tool.name);
        // Some clients do not follow references.
        assert!(schema.get("$defs").is_none(), "{}: {schema}", tool.name);
        for (name, member) in schema["properties"].as_object().unwrap() {
            assert!(!member["description"].is_null(), "{}.{name}", tool.name);
        }
    }
}

#[test]
fn every_text_and_number_of_an_argument_is_bounded() {
    fn check(name: &str, schema: &Value) {
        let is = |kind: &str| {
            schema["type"] == kind
                || schema["type"]
                    .as_array()
                    .is_some_and(|kinds| kinds.contains(&kind.into()))
        };
        let listed = schema.get("enum").is_some();
        if is("string") && !listed {
            assert!(schema["maxLength"].is_u64(), "{name}: {schema}");
        }
        if is("integer") && name != "device_logs.since" {
            assert!(!schema["maximum"].is_null(), "{name}: {schema}");
        }
    }
    for tool in list() {
        let properties = tool.input_schema["properties"].as_object().unwrap().clone();
        for (member, schema) in properties {
            check(&format!("{}.{member}", tool.name), &schema);
        }
    }
}
