#!/bin/sh
# Makes the sounds of this folder: prompts spoken by espeak-ng in three languages, and a loop of music, all as 8 kHz mono µ-law WAV.
# Needs espeak-ng and sox. The results are committed; run this only to change them.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Without dither, so that every run gives the same bytes.
ulaw="-r 8000 -c 1 -e u-law -b 8"

# level FILE NAME: one of sox's statistics of a file.
level() {
    LC_ALL=C sox "$1" -n stats 2>&1 | sed -n "s/^$2  *//p"
}

# say FILE VOICE SPEED TEXT: silence at both ends is cut, but for 30 ms; what a telephone does not carry is left out; as loud as -20 dBFS
# on average, or less where peaks would come above -2 dBFS.
say() {
    espeak-ng -v "$2" -s "$3" -a 100 -w "$work/raw.wav" -- "$4"
    sox -D "$work/raw.wav" -r 8000 -c 1 -b 16 "$work/cut.wav" \
        gain -6 highpass 180 lowpass 3500 \
        silence 1 0.005 0.6% fade t 0.005 reverse silence 1 0.005 0.6% fade t 0.01 reverse
    gain=$(echo "$(level "$work/cut.wav" "RMS lev dB") $(level "$work/cut.wav" "Pk lev dB")" |
        awk '{ a = -20 - $1; b = -2 - $2; printf "%.2f", a < b ? a : b }')
    mkdir -p "$(dirname "$1")"
    # shellcheck disable=SC2086
    sox -D "$work/cut.wav" $ulaw "$1" gain "$gain" pad 0.03 0.03
}

# language CODE VOICE SPEED: all sounds of texts/CODE.txt, each line of which is a name, a bar and a text.
language() {
    while IFS='|' read -r name text; do
        say "$1/$name.wav" "$2" "$3" "$text" </dev/null
    done <"texts/$1.txt"
}
language en en-us 145
language de de 140
language fa fa 135
mkdir -p music

# Sixteen seconds of music, our own: four chords of four seconds under eight notes each, and back to the first chord. Every
# note fades to nothing before the end, so that the loop has no seam.
bar() { # bar NAME BASS THREE CHORD NOTES THEN EIGHT MELODY NOTES (Hz)
    name=$1 bass=$2 one=$3 two=$4 three=$5
    shift 5
    sox -D -n -r 48000 -c 1 "$work/$name-pad.wav" \
        synth 4 sine "$bass" synth 4 sine mix "$one" synth 4 sine mix "$two" synth 4 sine mix "$three" \
        fade t 0.6 4 0.9 gain -n -14
    n=0
    files=""
    for note in "$@"; do
        sox -D -n -r 48000 -c 1 "$work/$name-$n.wav" \
            synth 0.5 sine "$note" synth 0.5 sine mix "$(echo "$note * 2" | bc)" fade l 0.015 0.5 0.45 gain -n -10
        files="$files $work/$name-$n.wav"
        n=$((n + 1))
    done
    # shellcheck disable=SC2086
    sox -D $files "$work/$name-tune.wav"
    sox -D -m -v 1 "$work/$name-pad.wav" -v 1 "$work/$name-tune.wav" "$work/$name.wav"
}
bar c  261.63 329.63 392.00 523.25  523.25 659.26 783.99 659.26 987.77 783.99 659.26 783.99
bar am 220.00 329.63 440.00 523.25  880.00 659.26 523.25 659.26 783.99 659.26 523.25 440.00
bar f  349.23 440.00 523.25 698.46  698.46 523.25 880.00 698.46 783.99 698.46 659.26 523.25
bar g  293.66 392.00 493.88 587.33  587.33 783.99 987.77 783.99 880.00 783.99 698.46 587.33
# shellcheck disable=SC2086
sox -D "$work/c.wav" "$work/am.wav" "$work/f.wav" "$work/g.wav" $ulaw music/default.wav \
    lowpass 3000 reverb 30 50 40 fade t 0 16 0.05 gain -n -5
