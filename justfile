_default:
    @just --list

# Start a host and have an agent write a file through a sandboxed plugin (--setup installs what is missing)
demo *args:
    cargo xtask demo {{ args }}

# Run every test (--setup installs what is missing, -- NAME runs those with NAME in their names)
test *args:
    cargo xtask test {{ args }}

# Run all harnesses, and write the tables of docs/harnesses.md
tables *args:
    cargo xtask tables {{ args }}

# Build the plugins and test guests to components under dist/ (--setup, names of folders)
plugins *args:
    cargo xtask plugins {{ args }}

# Check formatting and lints
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings

# Run everything that CI runs
ci:
    .ci/run
