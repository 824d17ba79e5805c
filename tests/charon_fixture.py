"""strongSwan's charon as a server for lethe-prober: configuration, users, certificates."""
import shutil
import subprocess
import time

STRONGSWAN = """charon {{
  load = {plugins} {kernel}
  install_virtual_ip = no
  cert_cache = no
  {more}
  plugins {{
    vici {{ socket = unix://{folder}/vici }}
    kernel-libipsec {{ allow_peer_ts = yes }}
  }}
  filelog {{ log {{ path = {folder}/charon.log
    default = 1
    flush_line = yes }} }}
}}
"""

PLUGINS = ("random nonce openssl pem x509 pkcs1 pkcs8 pubkey constraints revocation hmac kdf "
           "curve25519 chapoly socket-default vici eap-identity eap-mschapv2")

CONNECTION = """  {name} {{
    version = 2
    unique = never
    proposals = {ike}
    pools = v4, v6
    local {{ auth = pubkey
      certs = {folder}/{certificate}.crt
      id = {certificate}.example }}
    remote {{ auth = {auth}
      {remote} }}
    children {{ net {{ local_ts = 0.0.0.0/0, ::/0
      esp_proposals = {esp} }} }}
  }}
"""
REST = """
pools {
  v4 { addrs = 10.9.1.0/24 }
  v6 { addrs = fd09:1::/112 }
}
secrets {
  eap-user { id = user
    secret = right }
%s}
"""
IKE = ("aes256gcm16-prfsha384-ecp384,aes256gcm16-prfsha256-x25519,aes128gcm16-prfsha256-ecp256,"
       "chacha20poly1305-prfsha256-x25519,aes256-sha256-ecp256,aes256-sha256-modp2048")
ESP = "aes256gcm16,aes128gcm16,chacha20poly1305,aes256-sha256,aes256-sha1"


def openssl(folder, *words):
    subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=folder)


def authority(folder, name):
    openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-sha256", "-days", "30", "-subj", f"/CN={name}", "-addext",
            "keyUsage=critical,keyCertSign,cRLSign", "-keyout", f"{name}.key", "-out",
            f"{name}.crt")


def certificate(folder, name, *, usage="serverAuth", by="ca", kind="ec", dates=None, san=None):
    """`dates`: first and last, as OpenSSL writes them; else from now on for 30 days."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"] if kind == "ec" \
        else ["-newkey", "rsa:2048"]
    openssl(folder, "req", *key, "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out",
            f"{name}.csr")
    (folder / "index").write_text("")
    (folder / "ca.conf").write_text(
        "[ca]\ndefault_ca = own\n[own]\ndatabase = index\ndefault_md = sha256\npolicy = any\n"
        "new_certs_dir = .\nrand_serial = yes\nunique_subject = no\ndefault_days = 30\n[any]\n"
        f"commonName = supplied\n[ext]\nextendedKeyUsage = {usage}\n"
        "basicConstraints = critical,CA:FALSE\nauthorityKeyIdentifier = keyid\n"
        f"subjectAltName = {san or f'DNS:{name}.example'}\n")
    when = ["-startdate", dates[0], "-enddate", dates[1]] if dates else []
    openssl(folder, "ca", "-batch", "-notext", "-config", "ca.conf", "-extensions", "ext",
            "-cert", f"{by}.crt", "-keyfile", f"{by}.key", *when, "-in", f"{name}.csr", "-out",
            f"{name}.crt")


PAST = ("20200101000000Z", "20210101000000Z")


def connection(folder, name, *, eap, ike=IKE, esp=ESP, certificate="server"):
    return CONNECTION.format(
        name=name, folder=folder, ike=ike, esp=esp, certificate=certificate,
        auth="eap-mschapv2" if eap else "pubkey",
        remote="eap_id = %any" if eap else f"cacerts = {folder}/ca.crt")


def write(folder, connections, certificates, kernel, secrets="", more=""):
    (folder / "private").mkdir(exist_ok=True)
    for name in certificates:
        shutil.copy(folder / f"{name}.key", folder / "private")
    (folder / "swanctl.conf").write_text(
        "connections {\n" + connections + "}\n" + REST % secrets +
        f"authorities {{ ca {{ cacert = {folder}/ca.crt }} }}\n")
    (folder / "strongswan.conf").write_text(
        STRONGSWAN.format(folder=folder, plugins=PLUGINS, kernel=kernel, more=more))


def load(run, folder):
    """Tells a charon that just started what it serves."""
    for _ in range(100):
        if (folder / "vici").exists():
            break
        time.sleep(0.1)
    return run("env", f"SWANCTL_DIR={folder}", f"STRONGSWAN_CONF={folder}/strongswan.conf",
               "swanctl", "--load-all", "--file", folder / "swanctl.conf", "--uri",
               f"unix://{folder}/vici")


def associations(run, folder):
    """What charon says of its SAs; empty: there are none."""
    return run("swanctl", "--list-sas", "--uri", f"unix://{folder}/vici").strip()
