package e2e

import (
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/server"
)

// compose is what the tests look at of deploy/compose.yaml.
type compose struct {
	Services map[string]composeService
	Networks map[string]struct {
		IPAM struct {
			Config []struct{ Subnet string }
		}
	}
	Volumes map[string]any
}

type composeService struct {
	Image string
	Build struct{ Context, Dockerfile string }
	// EnvFile and Environment are the variables of the container.
	EnvFile     string `yaml:"env_file"`
	Environment map[string]string
	Healthcheck struct {
		Test     []string
		Interval string
	}
	StopGracePeriod string                                `yaml:"stop_grace_period"`
	DependsOn       map[string]struct{ Condition string } `yaml:"depends_on"`
	Networks        any
	Volumes, Ports  []string
	ReadOnly        bool `yaml:"read_only"`
}

// networks are the networks of a service, with its address there or "".
func (s composeService) networks() map[string]string {
	found := make(map[string]string)
	switch networks := s.Networks.(type) {
	case []any:
		for _, name := range networks {
			found[name.(string)] = ""
		}
	case map[string]any:
		for name, value := range networks {
			found[name] = ""
			if m, ok := value.(map[string]any); ok {
				found[name], _ = m["ipv4_address"].(string)
			}
		}
	}
	return found
}

// parleys are the instances by their services' names.
func (c compose) parleys() map[string]composeService {
	found := make(map[string]composeService)
	for name, s := range c.Services {
		if s.Build.Dockerfile != "" {
			found[name] = s
		}
	}
	return found
}

func readCompose(t testing.TB) compose {
	t.Helper()
	all := documents[compose](t, "compose.yaml")
	if len(all) != 1 || len(all[0].parleys()) != 2 {
		t.Fatalf("it holds %+v", all)
	}
	return all[0]
}

func TestComposeNamesWhatIsThere(t *testing.T) {
	t.Parallel()
	c := readCompose(t)
	addresses := make(map[string]string)
	for name, s := range c.Services {
		if s.Build.Dockerfile == "" && !pinned(s.Image) {
			t.Errorf("%s: the image %q may be another one tomorrow", name, s.Image)
		}
		for other, on := range s.DependsOn {
			waited, ok := c.Services[other]
			if !ok || on.Condition == "service_healthy" && waited.Healthcheck.Test == nil {
				t.Errorf("%s waits for %s to be %s", name, other, on.Condition)
			}
		}
		for network, address := range s.networks() {
			n, ok := c.Networks[network]
			if !ok {
				t.Errorf("%s: there is no network %s", name, network)
			}
			if address == "" {
				continue
			}
			if a := netip.MustParseAddr(address); !netip.MustParsePrefix(n.IPAM.Config[0].Subnet).Contains(a) || addresses[address] != "" {
				t.Errorf("%s cannot have %s", name, a)
			}
			addresses[address] = name
		}
		for _, volume := range s.Volumes {
			source, _, _ := strings.Cut(volume, ":")
			_, named := c.Volumes[source]
			if _, err := os.Stat(filepath.Join("../deploy", source)); !named && err != nil {
				t.Errorf("%s: there is no volume %s", name, source)
			}
		}
		if s.EnvFile != "" {
			deployed(t, s.EnvFile+".example")
		}
	}
}

func TestComposeRunsInstancesAsTheyMayBeRun(t *testing.T) {
	t.Parallel()
	c := readCompose(t)
	var paths []string
	for name, s := range c.parleys() {
		variables := assignments(t, deployed(t, s.EnvFile+".example"))
		for variable, value := range s.Environment {
			if _, twice := variables[variable]; twice {
				t.Errorf("%s: %s is in the file too", name, variable)
			}
			variables[variable] = value
		}
		settings := settingsOf(t, variables)
		mustBeFilledIn(t, settings)
		if proxy := c.Services["nginx"].networks()["front"]; settings.TrustedProxies != proxy {
			t.Errorf("%s trusts %s, and nginx is %s", name, settings.TrustedProxies, proxy)
		}
		for _, address := range []string{settings.Database, settings.Bus} {
			u, err := url.Parse(address)
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := c.Services[u.Hostname()]; !ok {
				t.Errorf("%s: there is no service %s", name, u.Hostname())
			}
		}
		if patient, err := time.ParseDuration(s.StopGracePeriod); err != nil || patient <= server.DrainTime {
			t.Errorf("%s has %v to drain in: %v", name, patient, err)
		}
		if !s.ReadOnly {
			t.Errorf("%s writes to its container", name)
		}
		probe, err := url.Parse(s.Healthcheck.Test[len(s.Healthcheck.Test)-1])
		if err != nil || probe.Port() != portOf(t, settings.Listen) {
			t.Errorf("%s is asked for its health at %v: %v", name, probe, err)
		}
		paths = append(paths, probe.Path)
		copied := func(line string) bool { return strings.HasSuffix(line, " "+s.Healthcheck.Test[1]) }
		d := dockerfile(t)
		if !slices.ContainsFunc(d["COPY"], copied) {
			t.Errorf("the image has no %s", s.Healthcheck.Test[1])
		}
		if !slices.Equal(d["EXPOSE"], []string{portOf(t, settings.Listen)}) {
			t.Errorf("the image exposes %v", d["EXPOSE"])
		}
		if _, err := os.Stat(filepath.Join("../deploy", s.Build.Context, s.Build.Dockerfile)); err != nil {
			t.Error(err)
		}
		if !strings.Contains(deployed(t, "nginx.conf"), "\n    server "+name+":"+portOf(t, settings.Listen)+" ") {
			t.Errorf("nginx does not know %s", name)
		}
	}
	if servers := regexp.MustCompile(`(?m)^    server \S+:`).FindAllString(deployed(t, "nginx.conf"), -1); len(servers) != len(c.parleys()) {
		t.Errorf("nginx knows %q", servers)
	}
	mustAnswer(t, paths...)
}

func TestSecretsAreNotInTheComposeFile(t *testing.T) {
	t.Parallel()
	for name, s := range readCompose(t).Services {
		for variable := range s.Environment {
			for _, secret := range []string{"SECRET", "PASSWORD", "PARLEY_DATABASE"} {
				if strings.Contains(variable, secret) {
					t.Errorf("%s has %s", name, variable)
				}
			}
		}
	}
	for variable, value := range assignments(t, deployed(t, "postgres.env.example")) {
		if value != "" {
			t.Errorf("%s is filled in", variable)
		}
	}
}
