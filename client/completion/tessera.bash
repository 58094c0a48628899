# bash completion for tessera(1)                            -*- shell-script -*-
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors

# Completes commands, options, users and the ids of sessions. test-options.c compares it with the
# table of commands.

_tessera_nouns() {
        echo "status login logout ssh askpass passwd session sessions device token user role policy key trust throttle store log monitor doctor service enable disable"
}

_tessera_verbs() { # NOUN
        case $1 in
        session|sessions) echo "list show revoke" ;;
        device) echo "list add revoke" ;;
        token) echo "print refresh verify decode" ;;
        user) echo "list show add link unlink enable disable remove" ;;
        role) echo "list show grant revoke" ;;
        policy) echo "check explain" ;;
        key) echo "list export prepare rotate rename" ;;
        trust) echo "list add remove" ;;
        throttle) echo "list reset" ;;
        store) echo "migrate adopt" ;;
        service) echo "list enable confirm disable" ;;
        esac
}

_tessera_options() { # NOUN VERB
        case "$1 $2" in
        "login ") echo "--password --device-code --browser --provider --name --device --secret-service" ;;
        "logout ") echo "--others --forget" ;;
        "session "|"session list"|"sessions "|"sessions list") echo "--user --all-users --host" ;;
        "session revoke"|"sessions revoke") echo "--user --others --all-users --keep-login --reason" ;;
        "device "|"device list") echo "--user --all-users" ;;
        "device add") echo "--name --user" ;;
        "device revoke") echo "--user --reason" ;;
        "token print") echo "--audience --min-ttl" ;;
        "token refresh") echo "--min-ttl" ;;
        "token verify") echo "--audience --role" ;;
        "user add") echo "--role --provider" ;;
        "user link") echo "--provider --subject" ;;
        "user unlink") echo "--provider" ;;
        "role grant") echo "--for --reason" ;;
        "trust add") echo "--users --roles" ;;
        "policy check") echo "--diff" ;;
        "policy explain") echo "--session" ;;
        "throttle reset") echo "--user --host" ;;
        "store migrate") echo "--dry-run" ;;
        "log ") echo "--user --since" ;;
        "service enable"|"enable ") echo "--breakglass --dry-run" ;;
        "service disable"|"disable ") echo "--all" ;;
        esac
        echo "--json --no-color --quiet --no-input --yes --version --help"
}

# A member of a JSON list's objects; nothing where we may not ask.
_tessera_ask() { # MEMBER COMMAND…
        local member=$1
        shift
        tessera --json --no-input "$@" 2>/dev/null | grep -o "\"$member\":\"[^\"]*\"" | cut -d'"' -f4
}

# Hosts that this machine is signed in to, and those of ssh's own configuration.
_tessera_hosts() {
        _tessera_ask host status
        [[ -r ~/.ssh/config ]] && awk 'tolower($1) == "host" { for (i = 2; i <= NF; i++) if ($i !~ /[*?!]/) print $i }' ~/.ssh/config
}

_tessera_operands() { # NOUN VERB
        case "$1 $2" in
        "session show"|"session revoke"|"sessions show"|"sessions revoke") _tessera_ask id session list ;;
        "device revoke") _tessera_ask name device list ;;
        "trust add"|"trust remove") _tessera_ask host trust list ;;
        "user show"|"user link"|"user unlink"|"user enable"|"user disable"|"user remove") _tessera_ask user user list ;;
        "user add"|"passwd ") compgen -u ;;
        "status "|"login "|"logout "|"ssh ") _tessera_hosts ;;
        "role show") _tessera_ask role role list ;;
        "role grant"|"role revoke") _tessera_ask role role list; compgen -u ;;
        "policy explain") echo "sshd login sudo sudo-i su su-l"; compgen -u ;;
        "service enable"|"service disable"|"enable "|"disable ") echo "sshd sudo su login passwd" ;;
        esac
}

_tessera() {
        local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} noun= verb= word i

        COMPREPLY=()
        for ((i = 1; i < COMP_CWORD; i++)); do
                word=${COMP_WORDS[i]}
                [[ $word == -* ]] && continue
                if [[ -z $noun ]]; then
                        noun=$word
                elif [[ -z $verb && " $(_tessera_verbs "$noun") " == *" $word "* ]]; then
                        verb=$word
                fi
        done
        case $prev in
        --user) mapfile -t COMPREPLY < <(compgen -u -- "$cur"); return ;;
        --role) mapfile -t COMPREPLY < <(compgen -W "$(_tessera_ask role role list)" -- "$cur"); return ;;
        --breakglass) mapfile -t COMPREPLY < <(compgen -g -- "$cur"); return ;;
        --users) mapfile -t COMPREPLY < <(compgen -u -W "'*'" -- "$cur"); return ;;
        --roles) mapfile -t COMPREPLY < <(compgen -W "$(_tessera_ask role role list)" -- "$cur"); return ;;
        --session) mapfile -t COMPREPLY < <(compgen -W "$(_tessera_ask id session list)" -- "$cur"); return ;;
        --reason|--for|--min-ttl|--audience|--name|--since|--provider|--subject) return ;;
        esac
        if [[ $cur == -* ]]; then
                mapfile -t COMPREPLY < <(compgen -W "$(_tessera_options "$noun" "$verb")" -- "$cur")
        elif [[ -z $noun ]]; then
                mapfile -t COMPREPLY < <(compgen -W "$(_tessera_nouns)" -- "$cur")
        elif [[ $noun == policy && $verb == check ]]; then
                mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        elif [[ -z $verb && -n $(_tessera_verbs "$noun") ]]; then
                mapfile -t COMPREPLY < <(compgen -W "$(_tessera_verbs "$noun")" -- "$cur")
        else
                mapfile -t COMPREPLY < <(compgen -W "$(_tessera_operands "$noun" "$verb")" -- "$cur")
        fi
}

complete -F _tessera tessera
