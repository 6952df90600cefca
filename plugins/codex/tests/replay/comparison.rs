use std::path::Path;

#[test]
fn every_recording_is_compared_with_a_verdict_or_has_no_counterpart() {
    hostler_test_support::check_comparison(Path::new(env!("CARGO_MANIFEST_DIR")));
}
