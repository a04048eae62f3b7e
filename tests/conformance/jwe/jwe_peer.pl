#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Crypt::JWT as the other side: its mathematics is LibTomCrypt's, not OpenSSL's.  As jwe_peer.py.
use strict;
use warnings;
use Crypt::JWT qw(encode_jwt decode_jwt);
use Crypt::PK::RSA;
use JSON::PP qw(decode_json);

my ($verb, $key_file, $content_type, $alg) = @ARGV;
open(my $file, '<', $key_file) or die "$key_file: $!";
my $jwk = decode_json(do { local $/; <$file> });
my $key = Crypt::PK::RSA->new($jwk);

sub answer {
  my ($text) = @_;
  return encode_jwt(payload => $text, alg => $alg // 'RSA-OAEP-256', enc => 'A256GCM', key => $key,
    extra_headers => {cty => $content_type}) if $verb eq 'encrypt';
  return encode_jwt(payload => $text, alg => 'RS256', key => $key,
    extra_headers => {typ => 'at+jwt', kid => $jwk->{kid}}) if $verb eq 'sign';
  my @allowed = $verb eq 'decrypt' ? (accepted_alg => 'RSA-OAEP-256', accepted_enc => 'A256GCM') : (accepted_alg => 'RS256');
  return decode_jwt(token => $text, key => $key, decode_payload => 0, verify_exp => 0, @allowed);
}

while (my $line = <STDIN>) {
  chomp $line;
  my $answer = eval { answer($line) };
  print defined $answer ? $answer : 'refused', "\n";
}
