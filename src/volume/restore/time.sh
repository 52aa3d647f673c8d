# --- time ---

# Hundredths of a second since boot.
now() { read -r up _ </proc/uptime && echo "${up%.*}${up#*.}"; }

# Prints the seconds since $1, such as 1.05s.
since() { passed=$(($(now) - $1)) && printf '%d.%02ds\n' "$((passed / 100))" "$((passed % 100))"; }

# Whether $2 seconds, by default --wait, have passed since $1.
late() { [ $(($(now) - $1)) -ge $((${2:-$wait} * 100)) ]; }

pause() { sleep "${1:-0.1}" 2>/dev/null || sleep 1; }
