//! The workflows, and the scripts that they run.

use std::fs;

use crate::place::{named, repository};

#[test]
fn every_action_of_the_workflows_is_pinned_by_its_hash() {
    let workflows = named(&repository().join(".github/workflows"), ".yml");
    assert!(workflows.len() >= 3);
    for workflow in workflows {
        let text = fs::read_to_string(&workflow).expect("a workflow can be read");
        let used = text
            .lines()
            .filter_map(|line| line.trim_start_matches([' ', '-']).strip_prefix("uses: "));
        for action in used {
            let hash = action
                .split_once('@')
                .and_then(|(_, hash)| hash.split(' ').next());
            let is_hash = |hash: &str| hash.len() == 40 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
            assert!(hash.is_some_and(is_hash), "{}: {action}", workflow.display());
        }
        assert!(
            text.contains("\npermissions: {}\n"),
            "{} begins without rights",
            workflow.display()
        );
    }
}
