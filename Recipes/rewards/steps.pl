#!/usr/bin/env perl
# A reward worker that speaks the line protocol itself, in Perl: one JSON object a line in, one a line out.
# It scores the share of equations in a completion that hold, and does not apply where there is none.
#
#     - {type: plugin, name: steps, command: [perl, rewards/steps.pl], weight: 0.2}
use strict;
use warnings;
use JSON::PP;

$| = 1;    # Replies must not wait in a buffer.
my $json = JSON::PP->new->utf8->canonical;

while (my $line = <STDIN>) {
    my $message = $json->decode($line);
    my @scores = map { score($_->{completion}) } @{ $message->{samples} };
    print $json->encode({ id => $message->{id}, scores => \@scores }), "\n";
}

sub score {
    my ($text) = @_;
    my ($right, $all) = (0, 0);
    while ($text =~ /(\d{1,9})\s*([-+])\s*(\d{1,9})\s*=\s*(-?\d{1,9})/g) {
        $all++;
        $right++ if ($2 eq '+' ? $1 + $3 : $1 - $3) == $4;
    }
    return $all ? $right / $all : undef;
}
