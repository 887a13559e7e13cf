package e2e

import (
	"maps"
	"strconv"
	"testing"
	"time"

	"parley/server"
)

// manifest is what the tests look at of an object of Kubernetes, of whatever kind.
type manifest struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   struct {
		Name        string
		Annotations map[string]string
	}
	StringData map[string]string `yaml:"stringData"`
	Spec       struct {
		Replicas     int
		MinAvailable int `yaml:"minAvailable"`
		// Selector is a map of labels in a Service, and has matchLabels elsewhere.
		Selector map[string]any
		Template struct {
			Metadata struct{ Labels map[string]any }
			Spec     pod
		}
		Ports []struct {
			Name       string
			TargetPort string `yaml:"targetPort"`
		}
		Rules []struct {
			HTTP struct {
				Paths []struct {
					Backend struct {
						Service struct {
							Name string
							Port struct{ Name string }
						}
					}
				}
			} `yaml:"http"`
		}
	}
}

type pod struct {
	Grace           int `yaml:"terminationGracePeriodSeconds"`
	SecurityContext struct {
		RunAsNonRoot bool `yaml:"runAsNonRoot"`
	} `yaml:"securityContext"`
	Containers []container
}

type container struct {
	Ports []struct {
		Name          string
		ContainerPort int `yaml:"containerPort"`
	}
	EnvFrom []struct {
		SecretRef struct{ Name string } `yaml:"secretRef"`
	} `yaml:"envFrom"`
	Env            []struct{ Name, Value string }
	StartupProbe   probe `yaml:"startupProbe"`
	ReadinessProbe probe `yaml:"readinessProbe"`
	LivenessProbe  probe `yaml:"livenessProbe"`
	Lifecycle      struct {
		PreStop struct{ Sleep struct{ Seconds int } } `yaml:"preStop"`
	}
	Resources struct {
		Requests, Limits map[string]string
	}
	SecurityContext struct {
		ReadOnlyRootFilesystem   bool  `yaml:"readOnlyRootFilesystem"`
		AllowPrivilegeEscalation *bool `yaml:"allowPrivilegeEscalation"`
	} `yaml:"securityContext"`
}

type probe struct {
	HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
}

// manifests are those of deploy/kubernetes by kind.
func manifests(t testing.TB) map[string]manifest {
	t.Helper()
	found := make(map[string]manifest)
	for _, file := range []string{"kubernetes/parley.yaml", "kubernetes/secret.example.yaml"} {
		for _, m := range documents[manifest](t, file) {
			if _, twice := found[m.Kind]; twice || m.APIVersion == "" || m.Metadata.Name == "" {
				t.Fatalf("%s holds %+v", file, m)
			}
			found[m.Kind] = m
		}
	}
	for _, kind := range []string{"Deployment", "PodDisruptionBudget", "Service", "Ingress", "Secret"} {
		if _, ok := found[kind]; !ok {
			t.Fatalf("there is no %s", kind)
		}
	}
	return found
}

func TestTheManifestsNameEachOther(t *testing.T) {
	t.Parallel()
	m := manifests(t)
	template := m["Deployment"].Spec.Template
	selects := func(kind string, labels any) {
		t.Helper()
		if selected, ok := labels.(map[string]any); !ok || len(selected) == 0 || !maps.Equal(selected, template.Metadata.Labels) {
			t.Errorf("the %s selects %v", kind, labels)
		}
	}
	selects("Deployment", m["Deployment"].Spec.Selector["matchLabels"])
	selects("PodDisruptionBudget", m["PodDisruptionBudget"].Spec.Selector["matchLabels"])
	selects("Service", m["Service"].Spec.Selector)
	backend := m["Ingress"].Spec.Rules[0].HTTP.Paths[0].Backend.Service
	port := m["Service"].Spec.Ports[0]
	if backend.Name != m["Service"].Metadata.Name || backend.Port.Name != port.Name {
		t.Errorf("the Ingress leads to %+v", backend)
	}
	c := template.Spec.Containers[0]
	if port.TargetPort != c.Ports[0].Name {
		t.Errorf("the Service leads to %s", port.TargetPort)
	}
	if secret := c.EnvFrom[0].SecretRef.Name; secret != m["Secret"].Metadata.Name {
		t.Errorf("there is no Secret %s", secret)
	}
	if replicas := m["Deployment"].Spec.Replicas; replicas != 2 || m["PodDisruptionBudget"].Spec.MinAvailable != replicas-1 {
		t.Errorf("of %d instances %d are to be available", replicas, m["PodDisruptionBudget"].Spec.MinAvailable)
	}
}

func TestTheManifestsFitTheProgram(t *testing.T) {
	t.Parallel()
	m := manifests(t)
	spec := m["Deployment"].Spec.Template.Spec
	c := spec.Containers[0]
	variables := maps.Clone(m["Secret"].StringData)
	for _, v := range c.Env {
		if _, twice := variables[v.Name]; twice {
			t.Errorf("%s is in the Secret too", v.Name)
		}
		variables[v.Name] = v.Value
	}
	settings := settingsOf(t, variables)
	mustBeFilledIn(t, settings)
	for i, listen := range []string{settings.Listen, settings.MetricsListen} {
		if port := strconv.Itoa(c.Ports[i].ContainerPort); port != portOf(t, listen) {
			t.Errorf("%s is port %s, and parley listens on %s", c.Ports[i].Name, port, listen)
		}
	}
	preStop := time.Duration(c.Lifecycle.PreStop.Sleep.Seconds) * time.Second
	if patient := time.Duration(spec.Grace) * time.Second; preStop == 0 || patient <= preStop+server.DrainTime {
		t.Errorf("there are %v to wait %v and to drain in", patient, preStop)
	}
	for _, p := range []probe{c.StartupProbe, c.ReadinessProbe, c.LivenessProbe} {
		if p.HTTPGet.Port != c.Ports[0].Name {
			t.Errorf("a probe asks port %s", p.HTTPGet.Port)
		}
	}
	// While the database is down an instance is not ready, and lives.
	if c.ReadinessProbe.HTTPGet.Path != "/readyz" || c.LivenessProbe.HTTPGet.Path != "/healthz" {
		t.Errorf("the probes are %+v, %+v", c.ReadinessProbe, c.LivenessProbe)
	}
	mustAnswer(t, c.StartupProbe.HTTPGet.Path, c.ReadinessProbe.HTTPGet.Path, c.LivenessProbe.HTTPGet.Path)
	s := c.SecurityContext
	if !spec.SecurityContext.RunAsNonRoot || !s.ReadOnlyRootFilesystem || s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation {
		t.Errorf("it may do too much: %+v %+v", spec.SecurityContext, s)
	}
	if c.Resources.Requests["memory"] == "" || c.Resources.Limits["memory"] == "" {
		t.Errorf("it may use %+v", c.Resources)
	}
}
