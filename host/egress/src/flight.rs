//! How many requests of a plugin are on their way.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::error::FetchError;

#[derive(Debug, Clone, Default)]
pub(crate) struct Flights(Arc<Mutex<HashMap<String, u32>>>);

/// One of them, until it is dropped.
#[derive(Debug)]
pub(crate) struct Flight {
    flights: Flights,
    plugin: String,
}

impl Flights {
    pub(crate) fn begin(&self, plugin: &str, limit: u32) -> Result<Flight, FetchError> {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = flights.entry(plugin.to_owned()).or_default();
        if *count >= limit {
            return Err(FetchError::Limit(format!(
                "{limit} requests are on their way already (raise it in hostler.toml: \
                 [plugins.{plugin}.limits] http = …)"
            )));
        }
        *count += 1;
        Ok(Flight {
            flights: self.clone(),
            plugin: plugin.to_owned(),
        })
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let flights = self.flights.0.lock();
        let mut flights = flights.unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = flights.get_mut(&self.plugin) {
            *count -= 1;
            if *count == 0 {
                flights.remove(&self.plugin);
            }
        }
    }
}
