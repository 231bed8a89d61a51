# Nix package of this checkout: nix-build packaging/nix. On NixOS, add it to systemd.packages and services.udev.packages. NixOS does not
# enable units by their [Install] sections, so configuration.nix needs these lines, too:
#   systemd.targets.mdevadm.wantedBy = [ "multi-user.target" ];
#   systemd.services.mdevadm-groups.wantedBy = [ "mdevadm.target" ];
#   systemd.services.mdevadm-host.wantedBy = [ "multi-user.target" ];
# and only if they are wanted:
#   systemd.services.mdevadm-apply.wantedBy = [ "mdevadm.target" ];
#   systemd.services.mdevadm-stop.wantedBy = [ "mdevadm.target" ];
#   systemd.services.mdevadm-sleep.wantedBy = [ "sleep.target" ];
#   systemd.timers.mdevadm-metrics.wantedBy = [ "timers.target" ];
{ pkgs ? import <nixpkgs> { } }:

pkgs.stdenv.mkDerivation {
  pname = "mdevadm";
  version = "0.1.0";
  src = pkgs.lib.cleanSourceWith {
    src = pkgs.lib.cleanSource ../..;
    filter = path: type: path != toString ../../build;
  };

  nativeBuildInputs = with pkgs; [ cmake ninja pkg-config scdoc ];
  buildInputs = with pkgs; [ cli11 fmt nlohmann_json tomlplusplus libuuid util-linux expat libyaml fuse3 ];

  # Units, generator and rules are below the prefix, as NixOS expects.
  cmakeFlags = [
    "-DMDEVADM_TESTS=OFF"
    "-DMDEVADM_STATIC_RUNTIME=OFF"
    "-DMDEVADM_SYSTEMD_UNIT_DIR=lib/systemd/system"
    "-DMDEVADM_SYSTEMD_GENERATOR_DIR=lib/systemd/system-generators"
    "-DMDEVADM_UDEV_DIR=lib/udev"
    "-DMDEVADM_SYSTEMD_ESCAPE=${pkgs.systemd}/bin/systemd-escape"
  ];

  # These libraries are loaded by name when they are needed.
  postFixup = ''
    patchelf --add-rpath ${pkgs.lib.makeLibraryPath [ pkgs.util-linux pkgs.libuuid pkgs.expat pkgs.libyaml ]} $out/sbin/mdevadm
  '';

  # LICENSE, and the licences of CLI11, nlohmann/json and toml++, which are compiled into the programs.
  postInstall = ''
    install -Dm644 -t $out/share/licenses/mdevadm ../LICENSE ../packaging/debian/libraries.copyright
  '';

  meta = {
    description = "Administer Linux mediated devices";
    license = with pkgs.lib.licenses; [ mit bsd3 ];
    platforms = pkgs.lib.platforms.linux;
    mainProgram = "mdevadm";
  };
}
