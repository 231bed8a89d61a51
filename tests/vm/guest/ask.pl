# Runs a system call and prints the name of its errno, which shells do not report. One of
#   ask.pl [-u UID] write FLAGS PATH DATA...   one open, one write for each DATA (\n and \xHH in it are characters)
#   ask.pl [-u UID] open FLAGS PATH
#   ask.pl [-u UID] mkdir|rmdir|unlink|rename PATH
#   ask.pl list PATH...                        each path: kind, mode, where a link leads, what a file says
# FLAGS are names without O_, joined by a comma: WRONLY,CREAT,TRUNC
use strict;
use warnings;
use Errno ();
use Fcntl qw(:DEFAULT :mode);
use POSIX ();

# Several names can stand for one number: the shortest, then the first, is the usual one.
sub name_of_errno {
  my $number = $! + 0;
  my @names = sort { length $a <=> length $b || $a cmp $b } grep { $! = $number; $!{$_} } keys %!;
  return $names[0] // "errno $number";
}

sub answer { print $_[0] ? "ok" : name_of_errno(), "\n"; exit 0 }

sub flags {
  no strict 'refs';
  my $flags = 0;
  $flags |= &{"Fcntl::O_$_"}() for split /,/, $_[0];
  return $flags;
}

sub printable {
  my ($text) = @_;
  $text =~ s/\\/\\\\/g;
  $text =~ s/\n/\\n/g;
  $text =~ s/([^\x20-\x7e])/sprintf '\\x%02x', ord $1/ge;
  return $text;
}

sub content {
  my ($path) = @_;
  sysopen(my $file, $path, O_RDONLY | O_NONBLOCK) or return "cannot open: " . name_of_errno();
  my $length = sysread($file, my $text, 4096);
  return "cannot read: " . name_of_errno() unless defined $length;
  return '"' . printable($text) . '"';
}

sub list {
  my ($path) = @_;
  my @stat = lstat $path or return print "$path  ", name_of_errno(), "\n";
  my $mode = $stat[2];
  my $bits = sprintf '%04o', S_IMODE($mode);
  if (S_ISLNK($mode)) { print "$path  link -> ", readlink $path, "\n" }
  elsif (S_ISDIR($mode)) { print "$path  dir $bits\n" }
  elsif (S_ISCHR($mode)) { printf "%s  char %s %d,%d\n", $path, $bits, $stat[6] >> 8 & 0xfff, $stat[6] & 0xff }
  elsif (S_ISREG($mode)) { print "$path  file $bits size=$stat[7]", $mode & 0444 ? " " . content($path) : "", "\n" }
  else { print "$path  other $bits\n" }
  return unless S_ISDIR($mode);
  opendir(my $dir, $path) or return;
  list("$path/$_") for sort grep { !/^\.\.?$/ } readdir $dir;
}

if (@ARGV > 2 && $ARGV[0] eq '-u') {
  shift;
  POSIX::setgid($ARGV[0]) and POSIX::setuid($ARGV[0]) or die "ask.pl: cannot become $ARGV[0]: $!\n";
  shift;
}
my $what = shift // die "ask.pl: nothing to ask\n";
if ($what eq 'list') { list($_) for @ARGV; exit 0 }
answer(mkdir $ARGV[0]) if $what eq 'mkdir';
answer(rmdir $ARGV[0]) if $what eq 'rmdir';
answer(unlink $ARGV[0]) if $what eq 'unlink';
answer(rename $ARGV[0], "$ARGV[0].new") if $what eq 'rename';
die "ask.pl: cannot ask for $what\n" unless $what eq 'open' || $what eq 'write';

my ($flags, $path, @data) = @ARGV;
sysopen(my $file, $path, flags($flags), 0666) or do { print "open: ", name_of_errno(), "\n"; exit 0 };
answer(1) if $what eq 'open';
my @answers;
for my $text (@data) {
  $text =~ s/\\n/\n/g;
  $text =~ s/\\x([0-9a-fA-F]{2})/chr hex $1/ge;
  my $written = syswrite $file, $text;
  push @answers, !defined $written ? "write: " . name_of_errno() : $written == length $text ? "ok" : "ok, $written bytes";
}
print join(", ", @answers), "\n";
