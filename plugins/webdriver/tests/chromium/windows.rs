//! Alerts, windows, and the life of a session.

use std::thread;
use std::time::{Duration, Instant};

use hostler_sdk::device::{
    Act, AlertAnswer, DeviceProvider, DeviceSession, Error, HandOver, OpenParams, Orientation,
    Target,
};
use hostler_webdriver::WebDriver;
use serde_json::json;

use crate::bench::{HEIGHT, Stage, WIDTH, find};

fn tap(stage: &mut Stage, role: &str, label: &str) {
    let target = Target::Ref(stage.find(role, label).r#ref);
    stage.call(|device| device.act(target, Act::Tap(1)));
}

pub(crate) fn an_alert_stands_in_the_way_until_it_is_answered() {
    let mut stage = Stage::new("/dialogs.html");
    assert_eq!(stage.call(|device| device.alert(AlertAnswer::Read)), None);
    tap(&mut stage, "button", "Alert");
    let in_the_way = Err(Error::AlertOpen("Low battery".to_owned()));
    assert_eq!(
        stage.bench.call(|device| device.snapshot().map(drop)),
        in_the_way
    );
    assert_eq!(
        stage
            .bench
            .call(|device| device.screenshot(false).map(drop)),
        in_the_way
    );
    assert_eq!(stage.bench.call(|device| device.type_text("x")), in_the_way);
    assert_eq!(stage.bench.call(|device| device.alive()), Ok(()));
    let read = stage
        .call(|device| device.alert(AlertAnswer::Read))
        .unwrap();
    assert_eq!(read.text, "Low battery");
    let accept = |text: Option<&str>| AlertAnswer::Accept(text.map(str::to_owned));
    let text = stage.bench.call(|device| device.alert(accept(Some("x"))));
    assert!(matches!(text, Err(Error::Invalid(_))), "{text:?}");
    stage.call(|device| device.alert(accept(None)));
    assert_eq!(stage.tree().title.as_deref(), Some("Dialogs"));

    tap(&mut stage, "button", "Confirm");
    stage.call(|device| device.alert(AlertAnswer::Dismiss));
    assert_eq!(stage.page("document.title"), "false");
    tap(&mut stage, "button", "Prompt");
    stage.call(|device| device.alert(accept(Some("Ada"))));
    assert_eq!(stage.page("document.title"), "Ada");
    let none = stage
        .bench
        .call(|device| device.alert(AlertAnswer::Dismiss));
    assert!(matches!(none, Err(Error::NotFound(_))), "{none:?}");
}

pub(crate) fn the_log_the_clipboard_and_new_windows_are_there() {
    let mut stage = Stage::new("/dialogs.html");
    let log = stage.call(|device| device.logs(0));
    let line = |text: &str| {
        log.lines
            .iter()
            .find(|line| line.text.contains(text))
            .unwrap()
    };
    assert_eq!(line("ready").level, "info");
    assert_eq!(line("went wrong").level, "error");
    stage.page("console.warn('later')");
    let later = stage.call(|device| device.logs(log.next));
    assert_eq!(later.lines.len(), 1);
    assert_eq!(later.lines[0].level, "warning");

    stage.call(|device| device.set_clipboard("it's “quoted”\n"));
    assert_eq!(stage.call(|device| device.clipboard()), "it's “quoted”\n");

    tap(&mut stage, "link", "New window");
    stage.call(|device| device.wait_idle(5000));
    assert_eq!(stage.tree().title.as_deref(), Some("List"));
    stage.page("setTimeout(() => close(), 0)");
    // The first one is in front again.
    let title = (0..50).find_map(|_| {
        let tree = stage.bench.call(|device| device.snapshot());
        tree.ok()?.title.filter(|title| title == "Dialogs")
    });
    assert_eq!(title.as_deref(), Some("Dialogs"));

    for (url, malformed) in [("no url", true), ("http://127.0.0.1:9/", false)] {
        let error = stage.bench.call(|device| device.open_url(url)).unwrap_err();
        assert_eq!(matches!(error, Error::Invalid(_)), malformed, "{error:?}");
        assert_eq!(matches!(error, Error::NotFound(_)), !malformed, "{error:?}");
    }
    let busy = "data:text/html,<script>setInterval(() => document.title += '.', 20)</script>";
    stage.call(|device| device.open_url(busy));
    let restless = stage.bench.call(|device| device.wait_idle(200));
    assert!(matches!(restless, Err(Error::TimedOut(_))), "{restless:?}");
}

pub(crate) fn a_turned_screen_stays_turned_when_a_page_is_loaded() {
    let mut stage = Stage::new("/list.html");
    stage.call(|device| device.set_orientation(Orientation::LandscapeLeft));
    let turned = |stage: &mut Stage| {
        let screen = stage.call(|device| device.screen());
        assert_eq!((screen.width, screen.height), (HEIGHT, WIDTH));
        assert_eq!(screen.orientation, Orientation::LandscapeLeft);
        assert_eq!(stage.page("screen.orientation.type"), "landscape-primary");
    };
    turned(&mut stage);
    let form = format!("{}/form.html", stage.site);
    stage.call(|device| device.open_url(&form));
    turned(&mut stage);
    tap(&mut stage, "button", "Save");
    assert_eq!(stage.find("text", "Saved 1").role, "text");
    stage.call(|device| device.set_orientation(Orientation::Portrait));
    assert_eq!(stage.call(|device| device.screen()).width, WIDTH);

    let mut desktop = Stage::with("/form.html", &json!({}));
    let refused = desktop.bench.call(|device| device.orientation());
    assert!(matches!(refused, Err(Error::Unsupported(_))));
    let tree = desktop.tree();
    let save = Target::Ref(find(&tree, "button", "Save").r#ref);
    desktop.call(|device| device.act(save, Act::Tap(1)));
    assert_eq!(desktop.find("text", "Saved 1").role, "text");
}

pub(crate) fn a_session_leaves_nothing_and_a_dead_one_is_lost() {
    let mut stage = Stage::new("/form.html");
    stage.page("localStorage.setItem('left', 'behind'); document.cookie = 'left=behind'");
    let id = stage.id.clone();
    let open = |stage: &mut Stage, hand_over| {
        stage.bench.open_with(OpenParams {
            hardware_id: id.clone(),
            hand_over,
            first_ref: 1000,
        })
    };
    // The holder before never closed: its browser is ended all the same.
    open(&mut stage, HandOver::Keep).unwrap();
    assert_eq!(
        stage.page("localStorage.getItem('left') + document.cookie"),
        "null"
    );
    assert_eq!(stage.tree().nodes[0].r#ref, 1000);
    let restored = open(&mut stage, HandOver::Snapshot("clean".to_owned()));
    assert!(matches!(restored, Err(Error::Unsupported(_))));

    open(&mut stage, HandOver::Erase).unwrap();
    assert_eq!(stage.bench.call(|device| device.alive()), Ok(()));
    // It may be gone before it can say so.
    let _ = stage
        .bench
        .call(|device| device.native("Browser.close", "{}"));
    // A browser takes a moment to go.
    let until = Instant::now() + Duration::from_secs(10);
    while stage.bench.call(|device| device.alive()).is_ok() && Instant::now() < until {
        thread::sleep(Duration::from_millis(20));
    }
    let lost = |stage: &mut Stage| {
        for error in [
            stage.bench.call(|device| device.alive()),
            stage.bench.call(|device| device.snapshot().map(drop)),
        ] {
            assert!(matches!(error, Err(Error::Lost(_))), "{error:?}");
        }
    };
    lost(&mut stage);
    // Gone is closed, however often.
    assert_eq!(stage.bench.call(|device| device.close()), Ok(()));
    assert_eq!(stage.bench.call(|device| device.close()), Ok(()));
    open(&mut stage, HandOver::Erase).unwrap();
    assert_eq!(stage.bench.call(|device| device.shutdown()), Ok(()));
    lost(&mut stage);
    assert_eq!(WebDriver::describe().title, "WebDriver");
}

pub(crate) fn after_a_page_crashed_the_next_one_is_shown() {
    let mut stage = Stage::new("/dialogs.html");
    let crashed = |stage: &mut Stage| {
        let error = stage.bench.call(|device| device.snapshot()).unwrap_err();
        assert!(
            matches!(&error, Error::Other(text) if text.contains("open a page")),
            "{error:?}"
        );
    };
    let _ = stage.bench.call(|device| device.native("Page.crash", "{}"));
    crashed(&mut stage);
    let form = format!("{}/list.html", stage.site);
    stage.call(|device| device.open_url(&form));
    assert_eq!(stage.tree().title.as_deref(), Some("List"));
}
