//! The host answers before its plugins are loaded.

use std::{sync::Arc, time::Duration};

use hostler_device::{Config, Devices, LOADING_LIMIT};
use hostler_provider::Wish;
use tokio::time::{Instant, sleep};

use crate::script::{Rules, Scripted};
use crate::store::{Heard, Memory};
use crate::world::{LIMIT, code, device, host, session, tap, who};

/// A host that has announced its plugins and loaded none.
fn starting(store: &Arc<Memory>) -> Devices {
    let (saved, starts) = store.load();
    let config = Config::new("rules");
    let heard = Arc::new(Heard::default());
    let devices = Devices::start(config, saved, starts, store.clone(), heard);
    devices.plugins_loading(["rules", "one", "harness"].map(str::to_owned));
    devices
}

/// What plugins do, one after the other, each after a second.
async fn load(devices: &Devices, provider: Arc<Scripted>) {
    sleep(Duration::from_secs(1)).await;
    devices.plugin_is_other("harness");
    sleep(Duration::from_secs(1)).await;
    devices.set_policy(Arc::new(Rules::default()));
    sleep(Duration::from_secs(1)).await;
    devices.set_provider(provider);
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_while_plugins_are_loading_waits_for_them() {
    for wish in [device("tab-1"), Wish::default()] {
        let devices = starting(&Memory::new());
        let (ann, labels) = (who("ann"), session("default"));
        let asked = async {
            let ticket = devices.allocate(&ann, &labels, wish, None).await.unwrap();
            ticket.granted().await.unwrap().keep()
        };
        let (lease, ()) = tokio::join!(asked, load(&devices, Scripted::new("one", &["tab-1"])));
        assert_eq!(lease.key.as_str(), "web:tab-1");
    }
    let devices = starting(&Memory::new());
    let ann = who("ann");
    let provider = Scripted::new("one", &["tab-1"]);
    let (listing, ()) = tokio::join!(devices.devices(&ann, false), load(&devices, provider));
    assert_eq!((listing.devices.len(), listing.failures.len()), (1, 0));
}

#[test]
fn a_command_of_a_kept_lease_waits_for_its_policy_and_its_provider() {
    let store = Memory::new();
    let ann = who("ann");
    let lease = host(async {
        let devices = starting(&store);
        load(&devices, Scripted::new("one", &["tab-1"])).await;
        let labels = session("default");
        let asked = devices.allocate(&ann, &labels, device("tab-1"), None);
        asked.await.unwrap().granted().await.unwrap().keep()
    });
    host(async {
        let devices = starting(&store);
        let provider = Scripted::new("one", &["tab-1"]);
        let command = devices.run(&ann, lease.id, tap(), LIMIT);
        let (done, ()) = tokio::join!(command, load(&devices, provider.clone()));
        done.unwrap();
        assert_eq!(provider.log(), ["open tab-1", "act tab-1"]);
    });
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_could_not_be_loaded_is_named_beside_other_devices() {
    let devices = starting(&Memory::new());
    devices.plugin_is_other("harness");
    devices.set_provider(Scripted::new("one", &["tab-1"]));
    devices.plugin_failed("rules", "plugin rules: it is damaged");
    let (ann, labels) = (who("ann"), session("default"));
    let began = Instant::now();
    let refused = devices.allocate(&ann, &labels, device("tab-1"), None).await;
    let refused = refused.map(|_| ()).unwrap_err();
    assert_eq!(refused.code(), "POLICY_FAILED");
    assert!(refused.to_string().contains("it is damaged"), "{refused}");
    let listing = devices.devices(&ann, false).await;
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(listing.devices.len(), 1);
    let failures: Vec<_> = listing.failures.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(failures, ["rules"]);
}

#[tokio::test(start_paused = true)]
async fn what_never_settles_is_waited_for_once_and_for_so_long() {
    let devices = starting(&Memory::new());
    let (ann, labels) = (who("ann"), session("default"));
    let began = Instant::now();
    let refused = devices.allocate(&ann, &labels, device("tab-1"), None).await;
    let refused = refused.map(|_| ()).unwrap_err();
    assert!(
        refused.to_string().contains("still being loaded"),
        "{refused}"
    );
    assert_eq!(began.elapsed(), LOADING_LIMIT);
    // Nor does anybody wait later.
    assert_eq!(
        code(
            devices
                .allocate(&ann, &labels, Wish::default(), None)
                .await
                .map(|_| ())
        ),
        "POLICY_FAILED"
    );
    assert!(devices.devices(&ann, false).await.devices.is_empty());
    assert_eq!(began.elapsed(), LOADING_LIMIT);
}
