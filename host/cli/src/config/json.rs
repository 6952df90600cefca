//! `[plugins.ID.config]` as the plugin gets it.

/// The table as a plugin gets it. The error is the key whose number JSON does
/// not have.
pub(super) fn json_object(table: toml::Table) -> Result<serde_json::Value, String> {
    let members = table.into_iter().map(|(key, value)| {
        let value = json_value(value).map_err(|below| match below.as_str() {
            "" => key.clone(),
            below => format!("{key}.{below}"),
        })?;
        Ok((key, value))
    });
    let members: Result<serde_json::Map<_, _>, String> = members.collect();
    members.map(serde_json::Value::Object)
}

fn json_value(value: toml::Value) -> Result<serde_json::Value, String> {
    Ok(match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => serde_json::Number::from_f64(number)
            .ok_or(String::new())?
            .into(),
        toml::Value::Boolean(flag) => flag.into(),
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::Array(items) => items
            .into_iter()
            .map(json_value)
            .collect::<Result<Vec<_>, _>>()?
            .into(),
        toml::Value::Table(table) => json_object(table)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_kind_of_value_reaches_the_plugin() {
        let table = toml::toml! {
            text = "a"
            number = 5
            part = 0.5
            flag = true
            day = 2026-11-20
            list = [1, ["x"]]
            [deep.down]
            key = "v"
        };
        let expected = json!({
            "text": "a", "number": 5, "part": 0.5, "flag": true, "day": "2026-11-20",
            "list": [1, ["x"]], "deep": {"down": {"key": "v"}},
        });
        assert_eq!(json_object(table).unwrap(), expected);
    }

    #[test]
    fn a_number_that_json_does_not_have_is_named() {
        let table = toml::toml! {
            [a]
            b = [1.0, nan]
        };
        assert_eq!(json_object(table), Err("a.b".into()));
    }
}
