//! How many instances of plugins may live at the same time, where each has its
//! place in a pool.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{state::Role, world::World};

/// Open devices of all providers.
const DEVICES: u32 = 1000;

/// Descriptions and discoveries: each plugin has one of each at a time.
const ASIDES: u32 = 128;

/// Questions to all lease policies: more wait, each for less than a millisecond
/// unless a policy is broken.
const POLICIES: u32 = 64;

/// Places in the pool.
pub(crate) const POOLED: u32 = DEVICES + ASIDES + POLICIES;

/// A place, until it is dropped. Sessions of harnesses have none.
pub(crate) type Place = Option<OwnedSemaphorePermit>;

#[derive(Debug)]
pub(crate) struct Rooms {
    devices: Room,
    asides: Room,
    policies: Room,
}

impl Default for Rooms {
    fn default() -> Self {
        Self {
            devices: Room::of(DEVICES, Full::Refuses),
            asides: Room::of(ASIDES, Full::Waits),
            policies: Room::of(POLICIES, Full::Waits),
        }
    }
}

impl Rooms {
    /// For an instance of that world in that role.
    pub(crate) fn of(&self, world: World, role: &Role) -> &Room {
        match (world, role) {
            (World::Harness, _) => &Room::Boundless,
            (World::LeasePolicy, Role::Policy) => &self.policies,
            (
                World::DeviceProvider,
                Role::Provider {
                    progress: Some(_), ..
                },
            ) => &self.devices,
            (World::DeviceProvider | World::LeasePolicy, _) => &self.asides,
        }
    }
}

#[derive(Debug)]
pub(crate) enum Room {
    Boundless,
    Bounded {
        places: Arc<Semaphore>,
        count: u32,
        full: Full,
    },
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Full {
    /// Who has a place keeps it for as long as it likes.
    Refuses,
    /// Places come back at once.
    Waits,
}

impl Room {
    fn of(count: u32, full: Full) -> Self {
        Self::Bounded {
            places: Arc::new(Semaphore::new(count as usize)),
            count,
            full,
        }
    }

    /// A place.
    ///
    /// # Errors
    /// All are taken: so many they are.
    pub(crate) async fn place(&self) -> Result<Place, u32> {
        match self {
            Self::Boundless => Ok(None),
            Self::Bounded {
                places,
                count,
                full,
            } => {
                let places = Arc::clone(places);
                match full {
                    Full::Refuses => places.try_acquire_owned().ok(),
                    Full::Waits => places.acquire_owned().await.ok(),
                }
                .map(Some)
                .ok_or(*count)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_place_that_is_given_up_is_the_next_ones() {
        let devices = Room::of(1, Full::Refuses);
        let one = devices.place().await.unwrap();
        assert_eq!(devices.place().await.unwrap_err(), 1);
        drop(one);
        assert!(devices.place().await.is_ok());

        let questions = Room::of(1, Full::Waits);
        let one = questions.place().await.unwrap();
        let mut next = Box::pin(questions.place());
        tokio::select! {
            biased;
            _ = &mut next => panic!("there is one place"),
            () = std::future::ready(()) => {}
        }
        drop(one);
        assert!(next.await.is_ok());
    }

    #[tokio::test]
    async fn sessions_of_harnesses_are_not_counted_here() {
        assert!(
            Rooms::default()
                .of(World::Harness, &Role::Describe)
                .place()
                .await
                .unwrap()
                .is_none()
        );
    }
}
