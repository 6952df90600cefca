use super::*;

fn node(number: u32, depth: u32) -> words::Node {
    words::Node {
        ref_: number,
        depth,
        role: "button".into(),
        label: "OK".into(),
        value: None,
        identifier: None,
        rect: None,
        states: words::States::ENABLED,
    }
}

fn of(nodes: Vec<words::Node>) -> Result<host::Tree, String> {
    let tree_of = guest::Tree {
        nodes,
        truncated: false,
        app: None,
        title: None,
    };
    tree(tree_of, 10)
}

#[test]
fn a_tree_that_can_be_drawn_is_taken_as_it_is() {
    let nodes = [(10, 0), (11, 1), (12, 2), (13, 1), (14, 0), (u32::MAX, 1)];
    let taken = of(nodes.map(|(number, depth)| node(number, depth)).into()).unwrap();
    let taken = taken.nodes.iter().map(|node| (node.number, node.depth));
    assert!(taken.eq(nodes));
    assert_eq!(of(Vec::new()).unwrap().nodes, []);
}

#[test]
fn a_depth_that_jumps_is_nonsense() {
    assert!(of(vec![node(10, 1)]).unwrap_err().contains("depth 1"));
    let error = of(vec![node(10, 0), node(11, 2)]).unwrap_err();
    assert!(error.contains("element 11 is at depth 2"), "{error}");
    assert!(of(vec![node(10, u32::MAX)]).is_err());
}

#[test]
fn a_ref_that_names_two_elements_or_is_too_small_is_nonsense() {
    let error = of(vec![node(10, 0), node(10, 0)]).unwrap_err();
    assert!(error.contains("names two elements"), "{error}");
    assert!(of(vec![node(9, 0)]).unwrap_err().contains("first one, 10"));
}

#[test]
fn too_many_elements_and_texts_are_nonsense() {
    let many = (0..=20_000).map(|number| node(10 + number, 0)).collect();
    assert!(of(many).unwrap_err().contains("20001 elements"));
    let long = words::Node {
        label: "x".repeat(TEXTS),
        ..node(10, 0)
    };
    assert!(of(vec![long]).unwrap_err().contains("bytes"));
}

#[test]
fn a_rectangle_that_is_none_is_nonsense() {
    for (x, y, width, height) in [
        (f64::NAN, 0.0, 1.0, 1.0),
        (0.0, f64::INFINITY, 1.0, 1.0),
        (0.0, 0.0, -1.0, 1.0),
        (0.0, 0.0, 1.0, f64::NAN),
    ] {
        let rect = Some(words::Rect {
            x,
            y,
            width,
            height,
        });
        let error = of(vec![words::Node {
            rect,
            ..node(10, 0)
        }]);
        assert!(error.unwrap_err().contains("element 10"));
    }
}

#[test]
fn a_screen_without_a_size_is_nonsense() {
    for (width, height, scale) in [
        (0.0, 1.0, 1.0),
        (1.0, f64::NAN, 1.0),
        (1.0, 1.0, -2.0),
        (1.0, f64::INFINITY, 1.0),
    ] {
        let orientation = guest::Orientation::Portrait;
        assert!(
            screen(&guest::Screen {
                width,
                height,
                scale,
                orientation
            })
            .is_err()
        );
    }
}
