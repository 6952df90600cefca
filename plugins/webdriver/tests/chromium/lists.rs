//! What must be scrolled to, and pictures of it.

use hostler_sdk::device::{
    Act, DeviceSession, Direction, Error, Image, Movement, Point, Stop, Target,
};

use crate::bench::{HEIGHT, SCALE, Stage, WIDTH, find};

fn scroll(target: Option<Target>, direction: Direction, distance: Option<f64>) -> Movement {
    Movement::Scroll {
        target,
        direction,
        distance,
    }
}

pub(crate) fn a_scroll_moves_exactly_and_nothing_flings() {
    let mut stage = Stage::new("/list.html");
    let middle = Target::Point(Point { x: 200.0, y: 600.0 });
    let down = scroll(Some(middle), Direction::Down, Some(300.0));
    stage.call(|device| device.movement(down));
    assert_eq!(stage.page("scrollY"), 300);
    let up = scroll(Some(middle), Direction::Up, Some(120.0));
    stage.call(|device| device.movement(up));
    assert_eq!(stage.page("scrollY"), 180);
    let third = scroll(None, Direction::Down, None);
    stage.call(|device| device.movement(third));
    assert_eq!(stage.page("scrollY"), 180.0 + HEIGHT * 0.75);

    stage.page("scrollTo(0, 0)");
    let tree = stage.tree();
    let list = find(&tree, "list", "Box");
    assert!(list.states.scrollable);
    assert!(find(&tree, "text", "Item 49").states.offscreen);
    let inner = scroll(Some(Target::Ref(list.r#ref)), Direction::Down, Some(100.0));
    stage.call(|device| device.movement(inner));
    assert_eq!(
        stage
            .page("[scrollY, document.getElementById('box').scrollTop]")
            .to_string(),
        "[0,100]"
    );

    let swipe = Movement::Swipe {
        start: Point { x: 200.0, y: 700.0 },
        end: Point { x: 200.0, y: 400.0 },
        duration_ms: 0,
    };
    stage.call(|device| device.movement(swipe));
    // Less the way that a finger goes before it counts as moving.
    let moved = stage.page("scrollY").as_f64().unwrap();
    assert!((270.0..=300.0).contains(&moved), "{moved}");
    stage.call(|device| device.wait_idle(5000));
    assert_eq!(stage.page("scrollY"), moved);

    stage.page("touches.length = 0");
    let stop = |x: f64, y: f64, ms| Stop {
        at: Point { x, y },
        ms,
    };
    let pinch = Movement::Fingers(vec![
        vec![stop(180.0, 500.0, 0), stop(100.0, 500.0, 200)],
        vec![stop(220.0, 500.0, 50), stop(300.0, 500.0, 150)],
    ]);
    stage.call(|device| device.movement(pinch));
    assert_eq!(stage.page("Math.max(...touches)"), 2);

    let beyond = Target::Point(Point { x: 500.0, y: 10.0 });
    let refused = stage.bench.call(|device| device.act(beyond, Act::Tap(1)));
    assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
}

pub(crate) fn a_ref_names_one_element_for_ever_and_a_stale_one_is_refused() {
    let mut stage = Stage::new("/list.html");
    let first = stage.tree();
    // Far below: it is brought into view.
    let last = find(&first, "button", "Row 49");
    assert!(last.states.offscreen && !last.states.hittable);
    stage.call(|device| device.act(Target::Ref(last.r#ref), Act::Tap(1)));
    assert_eq!(stage.page("document.title"), "Tapped 49");

    stage.page("document.querySelector('#rows p').remove()");
    let gone = Target::Ref(find(&first, "button", "Row 0").r#ref);
    let refused = |stage: &mut Stage, target| {
        let error = stage.bench.call(|device| device.act(target, Act::Tap(1)));
        assert!(matches!(error, Err(Error::StaleRef(_))), "{error:?}");
    };
    // Before the next snapshot, and after it.
    refused(&mut stage, gone);
    let second = stage.tree();
    refused(&mut stage, gone);
    for row in [1, 20, 49] {
        let label = format!("Row {row}");
        assert_eq!(
            find(&first, "button", &label).r#ref,
            find(&second, "button", &label).r#ref
        );
    }

    // The same page again, of another site: the browser counts from the beginning.
    let other = stage.site.replace("127.0.0.1", "localhost");
    stage.call(|device| device.open_url(&format!("{other}/list.html")));
    let kept = Target::Ref(find(&second, "button", "Row 1").r#ref);
    refused(&mut stage, kept);
    let third = stage.tree();
    let highest = second.nodes.iter().map(|node| node.r#ref).max().unwrap();
    assert!(third.nodes.iter().all(|node| node.r#ref > highest));
    refused(&mut stage, Target::Ref(0));
    refused(&mut stage, Target::Ref(u32::MAX));
}

pub(crate) fn pictures_have_the_size_of_the_screen() {
    let mut stage = Stage::new("/list.html");
    let screen = stage.call(|device| device.screen());
    assert_eq!(
        (screen.width, screen.height, screen.scale),
        (WIDTH, HEIGHT, SCALE)
    );
    let shot = stage.call(|device| device.screenshot(false));
    assert_eq!(size(&mut stage, &shot), (WIDTH * SCALE, HEIGHT * SCALE));
    assert_eq!((shot.media_type.as_str(), shot.scale), ("image/png", SCALE));
    let full = stage.call(|device| device.screenshot(true));
    // 200 of the box and 50 rows of 40.
    assert_eq!(size(&mut stage, &full), (WIDTH * SCALE, 2200.0 * SCALE));
    let frame = stage.call(|device| device.frame());
    assert_eq!(frame.media_type, "image/jpeg");
    let bytes = stage.call(|_| Ok(frame.data.bytes()?));
    assert!(bytes.starts_with(&[0xff, 0xd8, 0xff]));

    // A page that was not made for phones: its units are smaller.
    let wide = "data:text/html,<button style='position:absolute;left:700px;top:900px'>Far</button>";
    stage.call(|device| device.open_url(wide));
    let screen = stage.call(|device| device.screen());
    assert!(screen.width > 900.0 && screen.scale < 1.0, "{screen:?}");
    assert!(stage.find("button", "Far").states.hittable);
}

/// Of a PNG: in its first chunk.
fn size(stage: &mut Stage, image: &Image) -> (f64, f64) {
    let head = stage.call(|_| Ok(image.data.read(0, 24)?));
    assert_eq!(&head[..8], b"\x89PNG\r\n\x1a\n");
    let number = |at: usize| f64::from(u32::from_be_bytes(head[at..at + 4].try_into().unwrap()));
    (number(16), number(20))
}
