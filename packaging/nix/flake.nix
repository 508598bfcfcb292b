# Unrun: no flake can be evaluated where this was written, for that needs nixpkgs; its syntax is checked.
# `nix build 'git+file:.?dir=packaging/nix'` in a checkout, or `nix profile install 'github:OWNER/REPOSITORY?dir=packaging/nix'`.
{
  description = "docker credential helpers: age-encrypted files, the system's keyring, CI variables";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs = { self, nixpkgs }:
    let
      systems = [ "x86_64-linux" "aarch64-linux" "x86_64-darwin" "aarch64-darwin" ];
      forEach = make: nixpkgs.lib.genAttrs systems (system: make nixpkgs.legacyPackages.${system});
      # With `dir=`, the flake's source is the whole repository.
      source = ../..;
    in
    {
      packages = forEach (pkgs: {
        default = pkgs.rustPlatform.buildRustPackage {
          pname = "docker-credential-helpers";
          version = (pkgs.lib.importTOML (source + "/Cargo.toml")).workspace.package.version;
          src = source;
          cargoLock.lockFile = source + "/Cargo.lock";
          cargoBuildFlags = [ "-p docker-credential-age" "-p docker-credential-env" "-p docker-credential-keyring" ];
          # They want a docker registry, an engine and a keyring.
          doCheck = false;
          nativeBuildInputs = [ pkgs.installShellFiles ];
          postInstall = ''
            for program in $out/bin/docker-credential-*; do
              mkdir -p manual
              $program manual manual
              installShellCompletion --cmd ''${program##*/} \
                --bash <($program completions bash) --fish <($program completions fish) --zsh <($program completions zsh)
            done
            installManPage manual/*.1
          '';
          meta = {
            description = "docker credential helpers: age-encrypted files, the system's keyring, CI variables";
            license = with pkgs.lib.licenses; [ mit asl20 ];
            mainProgram = "docker-credential-age";
          };
        };
      });
    };
}
