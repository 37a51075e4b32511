#!/bin/sh
# Runs inside the container that nspawn.sh boots, as root, with systemd running.
# /test/passed exists afterwards if all was as expected.
set -eu

log=/var/log/auth.log
webhooks=/test/webhooks

expect() {
	echo "expect: $1"
	shift
	"$@" && return
	echo "NOT SO: $*"
	triagectl incidents || :
	triagectl sources || :
	exit 1
}

# within SECONDS COMMAND...: until it succeeds
within() {
	rounds=$(($1 * 5))
	shift
	until "$@" >/dev/null 2>&1; do
		rounds=$((rounds - 1))
		[ $rounds -gt 0 ] || return 1
		sleep 0.2
	done
}

# guess ADDRESS N: N failed logins from there
guess() {
	i=0
	while [ $i -lt "$2" ]; do
		i=$((i + 1))
		echo "$(LC_ALL=C date '+%b %e %H:%M:%S') host sshd[$((700 + i))]: Failed password" \
		    "for root from $1 port $((40000 + i)) ssh2" >>$log
	done
}

# guess_by COMMAND ADDRESS N: the same, each as the last argument of the command
guess_by() {
	i=0
	while [ $i -lt "$3" ]; do
		i=$((i + 1))
		# shellcheck disable=SC2086 # a list
		$1 -t sshd -p authpriv.info -- "Failed password for root from $2 port $((40000 + i)) ssh2"
	done
}

to_journal='logger'
to_udp='logger -n 127.0.0.1 -P 514 -d --rfc3164'
to_tcp='logger -n 127.0.0.1 -P 514 -T'

# guess_every SECONDS ADDRESS N: N over UDP with a pause after each
guess_every() {
	python3 - "$@" <<-'END'
	import socket, sys, time
	pause, address, n = float(sys.argv[1]), sys.argv[2], int(sys.argv[3])
	text = f"Failed password for root from {address} port 22 ssh2"
	udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	for i in range(n):
	    udp.sendto(f"<86>1 - host sshd {i} - - {text}".encode(), ("127.0.0.1", 514))
	    time.sleep(pause)
	END
}

# guess_by_tls ADDRESS N: N over one connection
guess_by_tls() {
	python3 - "$1" "$2" <<-'END'
	import socket, ssl, sys
	text = f"Failed password for root from {sys.argv[1]} port 22 ssh2"
	context = ssl.create_default_context(cafile="/test/tls.crt")
	with context.wrap_socket(socket.create_connection(("127.0.0.1", 6514)),
	                         server_hostname="localhost") as tls:
	    for i in range(int(sys.argv[2])):
	        message = f"<86>1 - host sshd {i} - - {text}"
	        tls.sendall(f"{len(message)} {message}".encode())
	END
}

told_of() {
	grep -q "$1" $webhooks
}

# counted ADDRESS N: the incident about it has N events, neither less nor more
counted() {
	triagectl incidents | awk -v from="$1" -v n="$2" \
	    '$NF == from && $4 == n { found = 1 } END { exit !found }'
}

# gaps SOURCE REASON...: what was not examined of it is for these reasons and no other
gaps() {
	triagectl -o json sources | python3 -c 'if True:
	import json, sys
	gaps = json.load(sys.stdin)["unexamined"]["gaps"]
	reasons = {gap["reason"] for gap in gaps if gap["source"] == sys.argv[1]}
	sys.exit(reasons != set(sys.argv[2:]))' "$@"
}

sockets_well() {
	! triagectl sources | grep 'systemd:.*PROBLEM'
}

archived() {
	[ -n "$(find /var/log/journal -name 'system@*')" ]
}

# Remove all of the journal but the file that is written to.
vacuum() {
	journalctl -q --sync && journalctl -q --rotate && archived &&
	    journalctl -q --vacuum-files=1 && ! archived
}

# refused N: it was, by what is wrong in triaged.yaml, so many times at least
refused() {
	[ "$(journalctl -q -u triaged | grep -c "unknown key 'nonsense'")" -ge "$1" ]
}

# sources LINE...: more of them in triaged.yaml
sources() {
	printf '  %s\n' "$@" >/test/sources
	sed -i '/^sources:/r /test/sources' /etc/triaged/triaged.yaml
}

main_pid() {
	systemctl show -P MainPID triaged
}

gone() {
	[ ! -e "/proc/$1" ]
}

restarted() {
	systemctl is-active --quiet triaged && [ "$(main_pid)" != "$1" ]
}

no_redis() {
	for comm in /proc/[0-9]*/comm; do
		! grep -q redis "$comm" 2>/dev/null || return 1
	done
}

# --- as an administrator sets it up

systemd-sysusers
systemd-tmpfiles --create triaged.conf
secret=whsec_$(head -c 24 /dev/urandom | base64)
python3 /test/receiver --port-file /test/port --out $webhooks --secret "$secret" \
    >/test/receiver.log 2>&1 &
expect 'the receiver listens' within 10 test -s /test/port

install -m 0640 -g adm /dev/null $log
(umask 077; echo "$secret" >/etc/triaged/webhook-secret)
mkdir -p /etc/systemd/system/triaged.service.d
cat >/etc/systemd/system/triaged.service.d/secret.conf <<'END'
[Service]
LoadCredential=webhook-secret:/etc/triaged/webhook-secret
END
# First a file, as where a syslog daemon writes them; the journal comes later.
sed -i 's|^  - id: journal$|  - id: auth|; s|^    journal: system$|    files: [/var/log/auth.log]|' \
	/etc/triaged/triaged.yaml
cat >>/etc/triaged/triaged.yaml <<END

channels:
  - id: receiver
    type: webhook
    url: http://127.0.0.1:$(cat /test/port)/
    insecure: true
    secret_file: /run/credentials/triaged.service/webhook-secret
END
systemctl daemon-reload

# --- start to stop

expect 'it starts and says so' systemctl start triaged
expect 'as a user of its own' test "$(stat -c %U "/proc/$(main_pid)")" = triaged
expect 'its state is private' test "$(stat -c '%U %a' /var/lib/triaged)" = 'triaged 700'
expect 'it can tell one boot from another' \
    test -r "/proc/$(main_pid)/root/proc/sys/kernel/random/boot_id"
expect 'exposure of at most 2.0' sh -c \
    'systemd-analyze security --no-pager --threshold=20 triaged >/test/security 2>&1'

expect 'Redis is there' within 30 sh -c 'triagectl -o json status | grep -q "\"ready\": *true"'

guess 203.0.113.7 6
expect 'a webhook comes' within 60 told_of 203.0.113.7
expect 'signed with the secret that systemd handed over' grep -q '"signature_ok": true' $webhooks
expect 'the incident is shown' within 10 counted 203.0.113.7 6

mkdir -p /etc/triaged/rules.d
printf 'events:\n  - id: broken\n    matsch: [x]\n' >/etc/triaged/rules.d/site.yaml
expect 'a broken rule is refused' sh -c '! systemctl reload triaged'
expect 'and located in the journal' within 10 sh -c \
    'journalctl -q --sync; journalctl -q -u triaged | grep -q "site.yaml:3:"'
guess 203.0.113.7 2
expect 'the old rules go on' within 30 counted 203.0.113.7 8

rm /etc/triaged/rules.d/site.yaml
expect 'reload when it is mended' systemctl reload triaged

before=$(main_pid)
kill -9 "$before"
expect 'started again after kill -9' within 30 restarted "$before"
guess 203.0.113.7 1
expect 'and counts on' within 30 counted 203.0.113.7 9

# --- the journal

sources '- id: journal' '  journal: system'
expect 'the journal, by a reload' systemctl reload triaged
expect 'from its end' within 10 gaps journal start
guess_by "$to_journal" 203.0.113.20 6
expect 'a webhook about what journald keeps' within 60 told_of 203.0.113.20
expect 'each entry is counted' within 30 counted 203.0.113.20 6

expect 'what was read is rotated and removed' vacuum
guess_by "$to_journal" 203.0.113.20 3
expect 'and it goes on' within 30 counted 203.0.113.20 9

systemctl stop triaged
guess_by "$to_journal" 203.0.113.20 2
journalctl -q --rotate
guess_by "$to_journal" 203.0.113.20 1
systemctl start triaged
expect 'rotated while it was stopped' within 30 counted 203.0.113.20 12

before=$(main_pid)
guess_by "$to_journal" 203.0.113.20 1
kill -9 "$before"
guess_by "$to_journal" 203.0.113.20 1
expect 'started again after kill -9' within 30 restarted "$before"
guess_by "$to_journal" 203.0.113.20 1
expect 'each entry once' within 30 counted 203.0.113.20 15
expect 'and none passed over' gaps journal start

systemctl stop triaged
guess_by "$to_journal" 203.0.113.20 4
expect 'what nobody has read is removed' vacuum
guess_by "$to_journal" 203.0.113.20 1
systemctl start triaged
expect 'that is told' within 30 gaps journal start lost
expect 'and the rest counted' within 30 counted 203.0.113.20 16

# --- syslog, to sockets that systemd holds

sources '- id: network' "  listen: ['systemd:syslog']" '  insecure: true'
# As triaged-syslog.socket tells to do for TLS.
sed -e '/^Listen/d' -e 's/^\[Socket\]/&\nListenStream=6514/' \
    -e 's/^FileDescriptorName=.*/FileDescriptorName=syslog-tls/' \
    "$(systemctl show -P FragmentPath triaged-syslog.socket)" \
    >/etc/systemd/system/triaged-syslog-tls.socket
cat >/etc/systemd/system/triaged.service.d/tls.conf <<'END'
[Service]
LoadCredential=tls-key:/test/tls.key
END
install -m 644 /test/tls.crt /etc/triaged/tls.crt
sources '- id: tls' "  listen: ['systemd:syslog-tls']" '  tls:' \
    '    certificate: /etc/triaged/tls.crt' \
    '    key: /run/credentials/triaged.service/tls-key' '    clients: none'
systemctl daemon-reload
systemctl enable -q triaged-syslog.socket triaged-syslog-tls.socket
expect 'it starts with sockets' systemctl restart triaged
guess_by "$to_udp" 203.0.113.30 6
guess_by "$to_tcp" 203.0.113.31 3
guess_by "$to_tcp --octet-count" 203.0.113.31 3
expect 'a webhook about what came over UDP' within 60 told_of 203.0.113.30
expect 'and one about TCP' within 60 told_of 203.0.113.31
guess_by_tls 203.0.113.33 6
expect 'and one about TLS' within 60 told_of 203.0.113.33
expect 'all are counted' within 30 counted 203.0.113.30 6
expect 'over TCP, too' within 30 counted 203.0.113.31 6
expect 'with buffers as large as they should be' sockets_well

before=$(main_pid)
kill -9 "$before"
expect 'killed' within 10 gone "$before"
guess_by "$to_udp" 203.0.113.30 4
guess_by "$to_tcp" 203.0.113.31 4
guess_every 0 203.0.113.34 20000
expect 'started again' within 30 restarted "$before"
expect 'what came meanwhile over UDP' within 30 counted 203.0.113.30 10
expect 'and over TCP' within 30 counted 203.0.113.31 10
expect 'and all that a larger buffer holds' within 30 counted 203.0.113.34 20000

systemctl stop triaged
guess_by "$to_udp" 203.0.113.30 1
expect 'a datagram starts it' within 30 systemctl is-active -q triaged
expect 'and is counted' within 30 counted 203.0.113.30 11

systemctl stop triaged
echo 'nonsense: true' >>/etc/triaged/triaged.yaml
guess_by "$to_udp" 203.0.113.30 1
expect 'with a broken configuration it waits' within 30 refused 2
sed -i '/^nonsense/d' /etc/triaged/triaged.yaml
expect 'until that is mended' within 30 counted 203.0.113.30 12

guess_every 0.01 203.0.113.32 200 &
sender=$!
systemctl restart triaged
sleep 0.5
systemctl restart triaged
expect 'all is sent over restarts' wait $sender
expect 'and counted' within 30 counted 203.0.113.32 200

expect 'nothing else was passed over' gaps journal start lost
expect 'and nothing at all of what was sent' gaps network
expect 'by TLS neither' gaps tls
expect 'the account is right' triagectl sources --verify

sed -i 's|systemd:syslog-tls|tls://127.0.0.1:6514|' /etc/triaged/triaged.yaml
systemctl disable -q --now triaged-syslog-tls.socket
cp /test/listen.conf /etc/systemd/system/triaged.service.d/
systemctl daemon-reload
expect 'it listens itself where a drop-in allows it' systemctl restart triaged
guess_by_tls 203.0.113.35 6
expect 'and hears' within 60 told_of 203.0.113.35

expect 'it stops when told' systemctl stop triaged-syslog.socket triaged
expect 'cleanly' test "$(systemctl show -P Result triaged)" = success
expect 'with its Redis' no_redis

# --- without JIT, no memory is written and run

cp /test/no-jit.conf /etc/systemd/system/triaged.service.d/
printf '\nmatch:\n  jit: false\n' >>/etc/triaged/triaged.yaml
systemctl daemon-reload
expect 'it starts without JIT' systemctl start triaged
guess 203.0.113.8 6
expect 'and works' within 60 told_of 203.0.113.8

# --- a configuration that is refused

echo 'nonsense: true' >>/etc/triaged/triaged.yaml
expect 'a broken configuration is refused' sh -c '! systemctl restart triaged'
expect 'with status 2' test "$(systemctl show -P ExecMainStatus triaged)" = 2
expect 'and not tried again' test "$(systemctl show -P NRestarts triaged)" = 0

touch /test/passed
